// Runs the real banger as a user would, and keeps what it printed.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname } from "node:path";
import { excerptOf } from "./excerpt.ts";
import { messageOf } from "./failure-text.ts";

export interface BangerResult {
  /** Exit status, or 128 + signal number as a shell shows it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  /** Of its standard input; default: nothing. */
  readonly input?: string | Buffer;
  /** No stdin at all, instead of an empty one. */
  readonly stdin?: "closed";
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** Run it under a terminal (by script(1)); stdout then holds all output. */
  readonly tty?: boolean;
}

export interface Banger {
  /** Path of the program. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs `banger ARGS` to its end, whatever its status. */
  readonly banger: (args: readonly string[], options?: CallOptions) => Promise<BangerResult>;
  /** As `banger`, and fails unless the status is 0. */
  readonly ok: (...args: readonly string[]) => Promise<BangerResult>;
  /** The parsed `--json` answer of a command that must succeed. */
  readonly json: (...args: readonly string[]) => Promise<unknown>;
  /** Runs a command in a running VM and answers its trimmed stdout; it must exit 0. */
  readonly inGuest: (name: string, ...argv: readonly string[]) => Promise<string>;
}

export interface BangerOptions {
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGPIPE: 13, SIGTERM: 15 };
/** A command that hangs is a defect; this only bounds how long it takes to say so. */
const DEFAULT_TIMEOUT_MS = 300_000;

export function bangerOf({ program, env: surroundings, log, signal }: BangerOptions): Banger {
  // As for whoever has it installed: hints say `banger`.
  const env = { ...surroundings, PATH: `${dirname(program)}:${surroundings["PATH"] ?? ""}` };
  const banger = async (args: readonly string[], options: CallOptions = {}): Promise<BangerResult> => {
    const shown = ["banger", ...args].join(" ");
    log(`$ ${shown}`);
    const began = performance.now();
    const result = await runProgram(commandOf(program, args, options), { ...options, shown, env: { ...env, ...options.env }, signal });
    for (const line of [...excerptOf(result.stdout), ...excerptOf(result.stderr)]) log(`  ${line.slice(0, 400)}`);
    log(`  [${result.status}] ${((performance.now() - began) / 1000).toFixed(1)} s`);
    return result;
  };
  const ok = async (...args: readonly string[]): Promise<BangerResult> => {
    const result = await banger(args);
    assert.equal(result.status, 0, `banger ${args.join(" ")} exited ${result.status}\n${result.stderr}`);
    return result;
  };
  return {
    program,
    env,
    banger,
    ok,
    json: async (...args) => JSON.parse((await ok(...args, "--json")).stdout),
    inGuest: async (name, ...argv) => (await ok("vm", "exec", name, "--", ...argv)).stdout.trim(),
  };
}

function commandOf(program: string, args: readonly string[], options: CallOptions): readonly string[] {
  if (options.stdin === "closed") return ["sh", "-c", 'exec "$@" <&-', "sh", program, ...args];
  if (options.tty !== true) return [program, ...args];
  const quoted = [program, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  return ["script", "--quiet", "--return", "--command", quoted, "/dev/null"];
}

interface ProgramOptions extends CallOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** The command in an error's words; default: `argv`. */
  readonly shown?: string;
}

/** Runs a program to its end and gathers its output. Throws, with what it had said by then, when it has to be ended. */
export async function runProgram(argv: readonly string[], options: ProgramOptions): Promise<BangerResult> {
  const [file = "", ...args] = argv;
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const tooLate = AbortSignal.timeout(timeoutMs);
  const child = spawn(file, args, {
    env: { ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    signal: AbortSignal.any([options.signal, tooLate]),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const [stdout, stderr] = [gather(child.stdout), gather(child.stderr)];
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  try {
    const [status, signal] = (await once(child, "close")) as [number | null, string | null];
    return { status: status ?? 128 + (SIGNAL_NUMBERS[signal ?? ""] ?? 0), stdout: stdout(), stderr: stderr() };
  } catch (cause) {
    if (!options.signal.aborted && !tooLate.aborted) throw cause;
    const why = options.signal.aborted ? `was ended: ${messageOf(options.signal.reason)}` : `did not end within ${timeoutMs / 1000} s`;
    const said = [...excerptOf(stdout()), ...excerptOf(stderr())];
    throw new Error(`${options.shown ?? argv.join(" ")} ${why}; so far:\n${said.join("\n")}`, { cause });
  }
}

function gather(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString("utf8");
}
