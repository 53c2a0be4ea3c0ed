// Times a program from its start to its end.
import { runProgram, type CallOptions } from "../test/smoke/banger.ts";

export interface TimedOptions extends CallOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Milliseconds that `argv` took. Throws unless it exits 0. */
export async function timed(argv: readonly string[], options: TimedOptions): Promise<number> {
  const began = performance.now();
  const { status, stderr } = await runProgram(argv, options);
  const took = performance.now() - began;
  if (status !== 0) throw new Error(`${argv.join(" ")} exited ${status}: ${stderr.trim()}`);
  return took;
}

/** Milliseconds that `work` took. */
export async function timedWork(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
