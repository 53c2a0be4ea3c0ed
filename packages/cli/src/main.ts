// The program `banger`: the only place that reads the process it runs in.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isatty } from "node:tty";
import { runCli } from "./cli.ts";
import type { CliDeps, InputStream, OutputStream } from "./deps.ts";
import { writeAll } from "./output/output.ts";

/** The output streams that were looked at. */
const written = new Set<OutputStream>();

const deps: CliDeps = {
  argv: process.argv.slice(2),
  startedAs: takenFromEnvironment("BANGER_STARTED_AS"),
  env: process.env,
  uid: process.getuid?.() ?? 0,
  home: process.env["HOME"] || process.getBuiltinModule("node:os").homedir(),
  get cwd() {
    return currentDirectory();
  },
  // Node sets these streams up when they are first looked at, which takes a millisecond each.
  get stdin() {
    return process.stdin as InputStream;
  },
  get stdout() {
    return used(process.stdout);
  },
  get stderr() {
    return used(process.stderr);
  },
  isTerminal: { stdin: isatty(0), stdout: isatty(1), stderr: isatty(2) },
  get childProcess() {
    return process.getBuiltinModule("node:child_process");
  },
  signals: process,
  now: Date.now,
  self: [process.execPath, ...process.execArgv, process.argv[1] ?? ""],
  get daemonProgram() {
    return findDaemon();
  },
  exitNow: (status) => process.exit(status),
};

/** What the launcher says of this process, and of none that it starts. */
function takenFromEnvironment(name: string): string | undefined {
  const value = process.env[name];
  delete process.env[name];
  return value;
}

function currentDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

/** BANGER_DAEMON; else the launcher beside ours; else the source, when we run from source. */
function findDaemon(): readonly string[] {
  const named = process.env["BANGER_DAEMON"];
  if (named !== undefined && named !== "") return [named];
  const launcher = join(import.meta.dirname, "../bin/bangerd");
  if (existsSync(launcher)) return [launcher];
  const source = join(import.meta.dirname, "../../daemon/src/main.ts");
  return existsSync(source) ? [process.execPath, ...process.execArgv, source] : [];
}

/** A stream nobody reads any more must not end us before we have cleaned up; its writers are told through their callbacks. */
function used(stream: OutputStream): OutputStream {
  if (!written.has(stream)) stream.on("error", () => undefined);
  written.add(stream);
  return stream;
}

async function main(): Promise<void> {
  const status = await runCli(deps);
  await Promise.allSettled([...written].map(flush));
  process.exit(status);
}

function flush(stream: OutputStream): Promise<void> {
  return stream.writableLength === 0 ? Promise.resolve() : writeAll(stream, "\0".slice(1));
}

void main();
