// What is seen of a run while it goes on: a line for each scenario that has ended, and on a terminal, where several run at once,
// below them those that run and the counts.
import { openRegion } from "@banger/cli/region";
import { outcomeLine, tally, type Outcome } from "./report.ts";

export interface RunView {
  began(name: string): void;
  /** `log`: what the scenario wrote, where it has not been shown already. */
  ended(outcome: Outcome, log?: string): void;
  close(): void;
}

export interface Terminal {
  readonly stream: NodeJS.WritableStream;
  /** Whether lines can be drawn again. */
  readonly redraws: boolean;
}

/** `total`: how many scenarios there are. */
export function openView({ stream, redraws }: Terminal, total: number): RunView {
  const progress = new RunProgress(total);
  const region = redraws ? openRegion(stream, () => progress.lines(performance.now())) : undefined;
  return {
    began(name) {
      progress.began(name, performance.now());
      region?.redraw();
    },
    ended(outcome, log) {
      progress.ended(outcome);
      const print = () => void stream.write(`${outcomeLine(outcome)}\n${log ?? ""}`);
      if (region === undefined) print();
      else region.keep(print);
    },
    close: () => region?.close(),
  };
}

/** What runs and what has ended. */
export class RunProgress {
  readonly #total: number;
  /** When each began, in milliseconds of performance.now(). */
  readonly #running = new Map<string, number>();
  readonly #outcomes: Outcome[] = [];

  constructor(total: number) {
    this.#total = total;
  }

  began(name: string, now: number): void {
    this.#running.set(name, now);
  }

  ended(outcome: Outcome): void {
    this.#running.delete(outcome.name);
    this.#outcomes.push(outcome);
  }

  /** One line a running scenario, the oldest first, then the counts; none once all is over. */
  lines(now: number): readonly string[] {
    const left = this.#total - this.#outcomes.length;
    if (left <= 0) return [];
    const running = [...this.#running].map(
      ([name, since]) => `   …  ${name.padEnd(28)} ${((now - since) / 1000).toFixed(0).padStart(4)} s`,
    );
    return [...running, `smoke: ${tally(this.#outcomes)}, ${left} left`];
  }
}
