// The program `bangerd`: the only place that reads the process it runs in.
import { randomBytes } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import { BangerError, DAEMON_DISK_FULL_STATUS, FULL_VERSION, resolvePaths } from "@banger/api";
import { diskFullError, isDiskFull, withSystemDirectories } from "@banger/host";
import { startDaemon } from "./daemon.ts";
import { makeDirectories } from "./directories.ts";
import { createLog } from "./log.ts";
import { acquireDaemonLock } from "./state/database.ts";
import { Reserve } from "./state/reserve.ts";
import { releaseSpentBuffers } from "./spent-buffers.ts";
import { ownUserName } from "./user-name.ts";

const DEFAULT_IDLE_MS = 5 * 60_000;
/** sysexits(3): EX_SOFTWARE. */
const BUG_STATUS = 70;
const { env } = process;
const uid = process.getuid?.() ?? 0;
const home = env["HOME"] || homedir();
const paths = resolvePaths({ uid, home, env });

async function main(): Promise<void> {
  const searchPath = withSystemDirectories(env["PATH"] ?? "");
  env["PATH"] = searchPath;
  // Our launcher's, for this process alone; see the Makefile.
  for (const name of ["MALLOC_TRIM_THRESHOLD_", "MALLOC_ARENA_MAX"]) delete env[name];
  process.umask(0o077);
  await makeDirectories(paths, uid === 0);
  const log = createLog(paths.logFile);
  const report = (error: unknown) => log({ error: String(error) }, "no space can be set aside for a full disk");
  const reserve = new Reserve({ dataDir: paths.dataDir, randomBytes, report });
  const lock = reserve.spend(() => acquireDaemonLock(paths.dataDir));
  // Another daemon is there, or just leaving; whoever started us asks again.
  if (lock === undefined) process.exit(0);
  // Held for life: collected, it would be let go.
  process.once("exit", () => lock[Symbol.dispose]());
  process.on("uncaughtException", (error) => {
    log({ stack: error.stack }, "bug: uncaught");
    process.exit(BUG_STATUS);
  });
  const { leave } = await startDaemon({
    ...{ uid, home, searchPath, paths, reserve, log, now: () => new Date(), exit: () => process.exit(0) },
    userName: ownUserName(uid),
    installation: env["BANGER_INSTALLATION"] ?? join(import.meta.dirname, ".."),
    idleMs: Number(env["BANGER_IDLE_MS"] ?? DEFAULT_IDLE_MS),
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => leave(signal));
  const { gc } = globalThis;
  if (gc !== undefined) releaseSpentBuffers({ bufferBytes: () => process.memoryUsage().arrayBuffers, collectGarbage: () => gc() });
  log({ pid: process.pid, version: FULL_VERSION }, "bangerd listens");
}

main().catch((cause: unknown) => {
  const error = isDiskFull(cause) ? diskFullError(paths.dataDir, cause) : cause;
  const isOurs = error instanceof BangerError;
  const words = isOurs ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  const hint = isOurs && error.hint !== undefined ? `\n  try: ${error.hint}` : "";
  process.stderr.on("error", () => undefined).write(`error: ${words}${hint}\n`);
  process.exit(isDiskFull(error) ? DAEMON_DISK_FULL_STATUS : 1);
});
