// Processes that outlive the daemon: anchor and pasta. Each carries a marker among its arguments, made from the data
// directory's path, so that one whose start was never recorded (the daemon died in between) is found in /proc and ended.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { open, readdir, readFile } from "node:fs/promises";
import { BangerError } from "@banger/api";
import { identifyProcess, isProcessAlive, poll, signalProcess, type ProcessIdentity } from "@banger/host";

/** The log is started anew at this size. */
const logCapBytes = 64 * 1024;

export interface DetachedSpec {
  readonly argv: readonly string[];
  readonly logFile: string;
  /** Called once it has ended, as long as this daemon lives. */
  readonly onExit: () => void;
}

export interface DetachedProcess {
  readonly identity: ProcessIdentity;
  /** What it has written so far, for an error message. */
  lastWords(): Promise<string>;
}

/**
 * A number below 1 with 20 decimals: it must pass for a duration too, because the anchor is `sleep infinity MARKER` (sleep
 * adds up its arguments).
 */
export function markerOf(dataDir: string): string {
  const digits = BigInt(`0x${createHash("sha256").update(dataDir).digest("hex").slice(0, 16)}`);
  return `0.${digits.toString().padStart(20, "0")}`;
}

/** Starts `argv` in a session of its own, at `/`, with its output in the log. Throws `network.setup_failed`. */
export async function startDetached(spec: DetachedSpec): Promise<DetachedProcess> {
  const [program = "", ...args] = spec.argv;
  const log = await open(spec.logFile, "a", 0o600);
  try {
    if ((await log.stat()).size > logCapBytes) await log.truncate(0);
    const offset = (await log.stat()).size;
    const child = spawn(program, args, {
      cwd: "/",
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
    });
    const started = Promise.withResolvers<void>();
    child.once("spawn", () => started.resolve());
    child.once("error", (error) => started.reject(error));
    child.once("exit", spec.onExit);
    child.unref();
    await started.promise;
    const lastWords = () => readFrom(spec.logFile, offset);
    const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
    if (identity === undefined)
      throw new BangerError("network.setup_failed", `${program} ended at once: ${await lastWords()}`, { hint: "banger doctor" });
    return { identity, lastWords };
  } finally {
    await log.close();
  }
}

/** Processes of `uid` with the marker among their arguments. */
export async function findMarked(marker: string, uid: number): Promise<readonly ProcessIdentity[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => ((await isMarked(pid, marker, uid)) ? identifyProcess(pid) : undefined)));
  return found.filter((identity) => identity !== undefined);
}

/** Ends processes for sure. They hold nothing that wants saving. */
export async function endProcesses(processes: readonly ProcessIdentity[]): Promise<void> {
  for (const identity of processes) signalProcess(identity, "SIGKILL");
  const gone = await poll(() => (processes.some(isProcessAlive) ? undefined : true), { timeoutMs: 5000, intervalMs: 5 });
  if (gone === undefined)
    throw new BangerError("network.setup_failed", `processes ${processes.map(({ pid }) => pid).join(", ")} do not end`);
}

async function isMarked(pid: number, marker: string, uid: number): Promise<boolean> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    if (Number(/^Uid:\t(\d+)/m.exec(status)?.[1] ?? -1) !== uid) return false;
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0").includes(marker);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ESRCH" || code === "EACCES") return false;
    throw error;
  }
}

async function readFrom(path: string, offset: number): Promise<string> {
  const bytes = await readFile(path);
  const lines = bytes.subarray(offset).toString("utf8").split("\n");
  // pasta in a place without a syslog says so once per line it wanted to log.
  return lines
    .filter((line) => line !== "" && !/^Failed to send \d+ bytes to syslog/.test(line))
    .slice(-3)
    .join("; ");
}
