// Measures rows in rounds: every row once a round, so that a machine's moods fall on all alike. What goes wrong with one row is
// noted with it, and costs no other its samples.
import { Unmeasurable, type Row, type Sample } from "./row.ts";
import { median, type Measured } from "./summary.ts";

/** What a round needs of what rows measure on. */
export interface RoundStand {
  readonly signal: AbortSignal;
  /** After a row that failed: ends what it has left behind. */
  clear(): Promise<void>;
  endRound(): Promise<void>;
}

export interface Rounds<On extends RoundStand> {
  readonly rows: readonly Row<On>[];
  readonly rounds: number;
  readonly stand: On;
  readonly report: RoundsReport;
}

export interface RoundsReport {
  sampled(round: number, name: string, told: string): void;
  /** What is kept of it says only when it was; the error may name places of this machine. */
  failed(round: number, name: string, error: unknown): void;
}

/** Every row with the samples it has got. An abort of the stand's signal, or a stand that fails, ends the rounds. */
export async function measureRounds<On extends RoundStand>(options: Rounds<On>): Promise<readonly Measured[]> {
  const taken = options.rows.map((row): Taken<On> => ({ row, samples: [] }));
  const end = await runRounds(options, taken);
  return taken.map(({ row: { name, what, over, unit, target }, samples, trouble = end }) => {
    return { name, what, over, unit, target, samples, ...(trouble === undefined ? {} : { trouble }) };
  });
}

interface Taken<On> {
  readonly row: Row<On>;
  readonly samples: Sample[];
  trouble?: string;
}

/** Answers why they ended early. */
async function runRounds<On extends RoundStand>(options: Rounds<On>, taken: readonly Taken<On>[]): Promise<string | undefined> {
  const { rounds, stand, report } = options;
  for (let round = 1; round <= rounds; round += 1) {
    try {
      for (const one of taken) {
        if (one.trouble === undefined) await sampleRow(one, round, options);
        if (stand.signal.aborted) return `interrupted in round ${round}`;
      }
      await stand.endRound();
    } catch (error) {
      if (stand.signal.aborted) return `interrupted in round ${round}`;
      report.failed(round, "(the stand)", error);
      return `the bench ended in round ${round}`;
    }
  }
  return undefined;
}

async function sampleRow<On extends RoundStand>(one: Taken<On>, round: number, { stand, report }: Rounds<On>): Promise<void> {
  const { row, samples } = one;
  try {
    const measured = await row.measure(stand);
    samples.push(...measured);
    report.sampled(round, row.name, told(measured, row.unit));
  } catch (error) {
    if (stand.signal.aborted) return;
    one.trouble = error instanceof Unmeasurable ? error.message : `failed in round ${round}`;
    report.failed(round, row.name, error);
    if (!(error instanceof Unmeasurable)) await stand.clear();
  }
}

function told(samples: readonly Sample[], unit: Row["unit"]): string {
  const amount = (numbers: readonly number[]) => `${median(numbers).toFixed(0)} ${unit}`;
  const floors = samples.flatMap(({ floor }) => floor ?? []);
  return `${amount(samples.map(({ value }) => value))}${floors.length === 0 ? "" : ` over ${amount(floors)}`}`;
}
