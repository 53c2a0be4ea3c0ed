// One program of an image's build, with everything it starts: ended as a whole, its words kept.
import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { BangerError, programMissing } from "@banger/api";
import { asUser, type RunAs } from "@banger/host";
import { READ_FOREIGN } from "./foreign-file.ts";
import { signalGroup } from "./process-group.ts";

export interface BuildCommand {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly runAs: RunAs | null;
  /** File for standard input; nothing otherwise. A symlink is refused. */
  readonly stdinPath?: string;
  /** Each line of standard output and standard error. */
  readonly onLine: (line: string) => void;
  /** Called with the process' number, which is its group's too. When it throws, the program is killed. */
  readonly onStart?: (pid: number) => Promise<void>;
  readonly signal: AbortSignal;
  /** Milliseconds between asking the program to end and ending it. */
  readonly graceMs?: number;
}

const DEFAULT_GRACE_MS = 20_000;

/**
 * Runs the program to its end and answers its status, null when a signal ended it. On abort the whole process group is asked to
 * end, then killed; only then `operation.cancelled` is thrown. Should the daemon die first, the kernel asks the program for it.
 * Throws `host.command_missing`.
 */
export async function runBuildCommand(command: BuildCommand): Promise<number | null> {
  command.signal.throwIfAborted();
  const [program = "", ...args] = [...asUser([], command.runAs), "setpriv", "--pdeathsig=TERM", "--inh-caps=-all", "--", ...command.argv];
  await using input = command.stdinPath === undefined ? null : await open(command.stdinPath, READ_FOREIGN);
  const child = spawn(program, args, {
    cwd: command.cwd,
    env: { ...command.env },
    stdio: [input === null ? "ignore" : input.fd, "pipe", "pipe"],
    // An own process group, to be ended as a whole.
    detached: true,
  });
  const ended = Promise.withResolvers<number | null>();
  child.once("error", (error) => ended.reject(startError(program, error)));
  child.once("close", (status) => ended.resolve(status));
  for (const stream of [child.stdout, child.stderr]) readLines(stream, command.onLine);
  using _ending = endOnAbort(child.pid, command);
  const [end, start] = await Promise.allSettled([ended.promise, started(child.pid, command)]);
  for (const outcome of [start, end]) if (outcome.status === "rejected") throw outcome.reason;
  if (command.signal.aborted) throw new BangerError("operation.cancelled", `${command.argv[0] ?? program} was cancelled`);
  return end.status === "fulfilled" ? end.value : null;
}

async function started(pid: number | undefined, { onStart }: BuildCommand): Promise<void> {
  if (pid === undefined || onStart === undefined) return;
  try {
    await onStart(pid);
  } catch (error) {
    signalGroup(pid, "SIGKILL");
    throw error;
  }
}

function endOnAbort(pid: number | undefined, { signal, graceMs }: BuildCommand): Disposable {
  let killer: NodeJS.Timeout | undefined;
  const onAbort = () => {
    if (pid === undefined) return;
    signalGroup(pid, "SIGTERM");
    killer = setTimeout(() => signalGroup(pid, "SIGKILL"), graceMs ?? DEFAULT_GRACE_MS);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return {
    [Symbol.dispose]() {
      signal.removeEventListener("abort", onAbort);
      clearTimeout(killer);
      // The program has ended just now, so its number is nobody else's yet; a child may have closed its output and stayed.
      if (pid !== undefined && signal.aborted) signalGroup(pid, "SIGKILL");
    },
  };
}

function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on("line", onLine);
}

function startError(program: string, error: NodeJS.ErrnoException): Error {
  if (error.code !== "ENOENT") return error;
  return programMissing(program, error);
}
