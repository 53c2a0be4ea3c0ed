// Measures rows in rounds: every row once a round, so that a machine's moods fall on all alike.
import { Unmeasurable, type Row, type Sample } from "./row.ts";
import type { Stand } from "./stand.ts";
import type { Measured } from "./summary.ts";

export interface Rounds {
  readonly rows: readonly Row[];
  readonly rounds: number;
  readonly stand: Stand;
  readonly onSample: (round: number, row: Row, told: string) => void;
}

export async function measureRounds({ rows, rounds, stand, onSample }: Rounds): Promise<readonly Measured[]> {
  const samples = new Map<string, Sample[]>(rows.map(({ name }) => [name, []]));
  const trouble = new Map<string, string>();
  for (let round = 1; round <= rounds; round += 1) {
    for (const row of rows) {
      if (trouble.has(row.name)) continue;
      try {
        const sample = await row.sample(stand);
        samples.get(row.name)?.push(sample);
        onSample(
          round,
          row,
          `${sample.value.toFixed(0)} ${row.unit}${sample.floor === null ? "" : ` over ${sample.floor.toFixed(0)} ${row.unit}`}`,
        );
      } catch (error) {
        if (!(error instanceof Unmeasurable)) throw error;
        trouble.set(row.name, error.message);
        onSample(round, row, error.message);
      }
    }
    await stand.endRound();
  }
  return rows.map(({ name, what, over, unit, target }) => {
    const why = trouble.get(name);
    return { name, what, over, unit, target, samples: samples.get(name) ?? [], ...(why === undefined ? {} : { trouble: why }) };
  });
}
