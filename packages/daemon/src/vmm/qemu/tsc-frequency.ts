// The frequency of the host's time stamp counter, as the guest's agent measures it when it runs as a program of the host.
import { run } from "@banger/host";

/** What no processor is below or above, in kHz: anything else is no measurement. */
const PLAUSIBLE_KHZ = { least: 100_000, most: 20_000_000 } as const;

/** In kHz. Undefined when it could not be measured: the guest's kernel then finds it out by itself, as well as it can. */
export async function tscFrequency(agentPath: string): Promise<number | undefined> {
  try {
    return parseKhz((await run([agentPath, "tsc-khz"], { timeoutMs: 5000 })).stdout);
  } catch {
    return undefined;
  }
}

export function parseKhz(output: string): number | undefined {
  const khz = /^\d{1,9}$/.test(output.trim()) ? Number(output) : 0;
  return khz >= PLAUSIBLE_KHZ.least && khz <= PLAUSIBLE_KHZ.most ? khz : undefined;
}
