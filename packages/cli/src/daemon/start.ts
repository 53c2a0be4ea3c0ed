// Starts the daemon on demand. Several commands may do so at once: all but one of their daemons find the lock taken and
// exit 0, and everybody polls until one answers. A daemon that is just leaving still holds the lock, so its successor may
// lose too: then another is started, until the deadline.
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { BangerError, DAEMON_DISK_FULL_STATUS, type DaemonInfo } from "@banger/api";
import type { CliContext } from "../context.ts";
import type { CliDeps } from "../deps.ts";
import { ensureStateDirectory, noSpaceIn, writingTo } from "./not-writable.ts";

/** Milliseconds until a started daemon must answer; a slow machine under load takes seconds. */
const START_TIMEOUT_MS = 30_000;
const POLL_MS = 25;
const LOG_TAIL_BYTES = 2048;
const LOG_TAIL_LINES = 3;

export interface StartRequest {
  readonly context: CliContext;
  readonly signal: AbortSignal | undefined;
  readonly ping: () => Promise<DaemonInfo | undefined>;
}

/** Throws `daemon.start_failed` with the daemon's last words, `state.not_writable` when its log has no place, `host.disk_full`. */
export async function startDaemon({ context, signal, ping }: StartRequest): Promise<DaemonInfo> {
  context.tellOnce("Starting the banger daemon for you (logs: banger daemon logs)");
  const deadline = performance.now() + START_TIMEOUT_MS;
  const log = { file: context.paths.logFile, from: sizeOf(context.paths.logFile) };
  let daemon = await spawnDaemon(context);
  for (;;) {
    await delay(POLL_MS, undefined, signal === undefined ? {} : { signal });
    const info = await ping();
    if (info !== undefined) return info;
    const ended = daemon.ended();
    if (ended === DAEMON_DISK_FULL_STATUS) throw noSpaceIn(context.paths.dataDir);
    if (ended !== undefined && ended !== 0) throw startFailed(daemon.reason(), log);
    if (performance.now() > deadline) throw startFailed(`it did not answer within ${START_TIMEOUT_MS / 1000} s`, log);
    if (ended === 0) daemon = await spawnDaemon(context);
  }
}

interface StartedDaemon {
  /** Its exit status; 1 when it could not be run or died by a signal; undefined while it runs. */
  ended(): number | undefined;
  reason(): string;
}

async function spawnDaemon(context: CliContext): Promise<StartedDaemon> {
  const [program, ...args] = context.deps.daemonProgram;
  if (program === undefined)
    throw new BangerError("daemon.start_failed", "the daemon's program was not found beside banger", {
      hint: "install banger again, or name it with BANGER_DAEMON",
    });
  await ensureStateDirectory(context.deps, context.paths);
  const child = await spawnDetached(context.deps, { program, args, logFile: context.paths.logFile });
  let failure: Error | undefined;
  child.once("error", (error) => {
    failure = error;
  });
  child.unref();
  return {
    ended: () => (failure === undefined && child.signalCode === null ? (child.exitCode ?? undefined) : 1),
    reason: () =>
      failure?.message ??
      (child.signalCode === null ? `it ended with status ${child.exitCode ?? "?"}` : `it was ended by ${child.signalCode}`),
  };
}

async function spawnDetached(
  { childProcess, env }: CliDeps,
  start: { readonly program: string; readonly args: readonly string[]; readonly logFile: string },
): Promise<ChildProcess> {
  const log = await writingTo(dirname(start.logFile), () => openSync(start.logFile, "a", 0o600));
  try {
    return childProcess.spawn(start.program, start.args, { cwd: "/", detached: true, env, stdio: ["ignore", log, log] });
  } finally {
    closeSync(log);
  }
}

/** The log, and where in it this start begins. */
interface LogTail {
  readonly file: string;
  readonly from: number;
}

function startFailed(reason: string, log: LogTail): BangerError {
  const words = lastWords(log);
  // One it wrote for people says more than how it ended.
  const told = /^ {2}error: (.+)(?:\n {4}try: (.+))?$/m.exec(words);
  if (told !== null) {
    const hint = told[2] ?? "banger daemon logs";
    return new BangerError("daemon.start_failed", `the daemon did not start: ${told[1] ?? reason}`, { hint });
  }
  return new BangerError("daemon.start_failed", `the daemon did not start: ${reason}${words === "" ? "" : `\n${words}`}`, {
    hint: "banger daemon logs",
  });
}

function sizeOf(file: string): number {
  try {
    return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    // A directory above it is closed to us, or none: told when the log is written.
    return 0;
  }
}

function lastWords({ file, from }: LogTail): string {
  const size = sizeOf(file);
  // A daemon cuts a log past its cap: all of it is new then.
  const start = Math.max(size < from ? 0 : from, size - LOG_TAIL_BYTES);
  if (start >= size) return "";
  const log = openSync(file, "r");
  try {
    const buffer = Buffer.alloc(size - start);
    readSync(log, buffer, 0, buffer.length, start);
    return buffer
      .toString("utf8")
      .trimEnd()
      .split("\n")
      .slice(-LOG_TAIL_LINES)
      .map((line) => `  ${line}`)
      .join("\n")
      .trimEnd();
  } finally {
    closeSync(log);
  }
}
