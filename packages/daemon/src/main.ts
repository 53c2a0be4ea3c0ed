// The program `bangerd`: the only place that reads the process it runs in.
import { homedir } from "node:os";
import { join } from "node:path";
import { BangerError, resolvePaths, VERSION } from "@banger/api";
import { startDaemon } from "./daemon.ts";
import { makeDirectories } from "./directories.ts";
import { createLog, rotateLog } from "./log.ts";
import { acquireDaemonLock } from "./state/database.ts";

const DEFAULT_IDLE_MS = 5 * 60_000;
const SBIN = ["/usr/local/sbin", "/usr/sbin", "/sbin"];
/** sysexits(3): EX_SOFTWARE. */
const BUG_STATUS = 70;

async function main(): Promise<void> {
  const { env } = process;
  const uid = process.getuid?.() ?? 0;
  const home = env["HOME"] || homedir();
  const paths = resolvePaths({ uid, home, env });
  // mkfs and its kin are not on an ordinary user's PATH everywhere.
  const searchPath = [...new Set([...(env["PATH"] ?? "/usr/bin:/bin").split(":"), ...SBIN])].join(":");
  env["PATH"] = searchPath;
  process.umask(0o077);
  await makeDirectories(paths, uid === 0);
  rotateLog(paths.logFile);
  const lock = acquireDaemonLock(paths.dataDir);
  // Another daemon is there, or just leaving; whoever started us asks again.
  if (lock === undefined) process.exit(0);
  // Held for life: collected, it would be let go.
  process.once("exit", () => lock[Symbol.dispose]());
  const log = createLog();
  process.on("uncaughtException", (error) => {
    log({ stack: error.stack }, "bug: uncaught");
    process.exit(BUG_STATUS);
  });
  const { leave } = await startDaemon({
    ...{ uid, home, searchPath, paths, log, now: () => new Date(), exit: () => process.exit(0) },
    userName: env["USER"] || env["LOGNAME"] || String(uid),
    installation: env["BANGER_INSTALLATION"] ?? join(import.meta.dirname, ".."),
    idleMs: Number(env["BANGER_IDLE_MS"] ?? DEFAULT_IDLE_MS),
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => leave(signal));
  log({ pid: process.pid, version: VERSION }, "bangerd listens");
}

main().catch((error: unknown) => {
  const isOurs = error instanceof BangerError;
  const words = isOurs ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  const hint = isOurs && error.hint !== undefined ? `\n  try: ${error.hint}` : "";
  process.stderr.write(`error: ${words}${hint}\n`);
  process.exit(1);
});
