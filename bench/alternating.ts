// Short rows: several pairs of value and floor one right after the other, in turns of who goes first. One pair would be a throw of
// dice, and who goes second finds caches warm and a processor awake.
import type { Sample } from "./row.ts";

export interface Pair {
  /** Each answers what it measured. */
  readonly value: () => Promise<number>;
  readonly floor: () => Promise<number>;
}

/** `pairs` samples; of an even number as many begin with the one as with the other. */
export async function alternating(pairs: number, { value, floor }: Pair): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (let pair = 0; pair < pairs; pair += 1) samples.push(pair % 2 === 0 ? await valueFirst() : await floorFirst());
  return samples;

  async function valueFirst(): Promise<Sample> {
    const measured = await value();
    return { value: measured, floor: await floor() };
  }

  async function floorFirst(): Promise<Sample> {
    const measured = await floor();
    return { value: await value(), floor: measured };
  }
}
