// Runs host programs: argv arrays only, never a shell, output bounded, failures as typed errors.
import { BangerError, programMissing } from "@banger/api";
import { execa, ExecaError } from "execa";

const SETPRIV = "setpriv";
/** What setpriv says of a program it was to run. */
const SETPRIV_MISSING = /^setpriv: failed to execute (\S+): No such file or directory$/m;

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Milliseconds until the program is killed. */
  readonly timeoutMs?: number;
  /** Called with each line of stderr and stdout as it comes. */
  readonly onLine?: (line: string) => void;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
}

/** An unprivileged identity to run a program as; only a root daemon has one. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** Supplementary groups, for a device that only they may open. Default: none, whatever the user's own are. */
  readonly groups?: readonly number[];
}

/** `argv` as another user, by setpriv; unchanged when there is nobody to become. */
export function asUser(argv: readonly string[], runAs: RunAs | null): readonly string[] {
  if (runAs === null) return argv;
  const { uid, gid, groups = [] } = runAs;
  return [
    SETPRIV,
    `--reuid=${uid}`,
    `--regid=${gid}`,
    groups.length === 0 ? "--clear-groups" : `--groups=${groups.join(",")}`,
    "--",
    ...argv,
  ];
}

/**
 * Runs `argv` to its end and returns its output (stdout without the last newline). Throws `host.command_missing` when the
 * program is not there, `host.command_failed` with its last words when it fails, `operation.cancelled` on abort.
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [program, ...args] = argv;
  if (program === undefined) throw new Error("run needs a program");
  try {
    const child = execa(program, args, {
      stdin: options.input === undefined ? "ignore" : "pipe",
      ...(options.input === undefined ? {} : { input: options.input }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      // Added to the daemon's own. Words are matched, and shown, in the language that banger is written in.
      env: { LC_ALL: "C", ...options.env },
      ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
      maxBuffer: 64 * 1024 * 1024,
    });
    if (options.onLine !== undefined) {
      const onLine = options.onLine;
      for await (const line of child.iterable({ from: "all" as "stdout" })) onLine(line);
    }
    const result = await child;
    return { stdout: result.stdout, stderr: result.stderr };
  } catch (error) {
    throw commandError(program, argv, error);
  }
}

function commandError(program: string, argv: readonly string[], error: unknown): unknown {
  if (!(error instanceof ExecaError)) return error;
  if (error.isCanceled) return new BangerError("operation.cancelled", `${program} was cancelled`, { cause: error });
  if (error.code === "ENOENT") {
    return programMissing(program, error);
  }
  const notThere = SETPRIV_MISSING.exec(`${error.stderr}`)?.[1];
  if (notThere !== undefined) return programMissing(notThere, error);
  const named = program === SETPRIV ? (argv[argv.indexOf("--") + 1] ?? program) : program;
  const words = `${error.stderr ?? ""}\n${error.stdout ?? ""}`.trim().split("\n").slice(-5).join("\n");
  const how = error.timedOut
    ? "did not finish in time"
    : error.signal === undefined
      ? `failed with status ${error.exitCode ?? "?"}`
      : `was ended by ${error.signal}`;
  return new BangerError("host.command_failed", `${named} ${how}${words === "" ? "" : `: ${words}`}`, {
    details: { argv: [...argv], exitCode: error.exitCode },
    cause: error,
  });
}
