// Runs the host's git: argv arrays only, answers as bytes, nothing of the caller's GIT_ variables, no hooks, no prompts.
import { spawn as spawnProcess, type ChildProcessByStdio } from "node:child_process";
import { Readable, type Writable } from "node:stream";
import { BangerError, programMissing } from "@banger/api";

export interface GitDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface GitOptions {
  readonly cwd: string;
  readonly input?: Uint8Array | AsyncIterable<Uint8Array>;
  /** Variables of git for this call, as GIT_INDEX_FILE. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Statuses that are an answer, besides 0. */
  readonly accept?: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

export interface GitAnswer {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** What a git on this machine needs to be told, however it is configured. */
const ALWAYS = [
  "-c",
  "core.fsmonitor=false",
  "-c",
  "core.hooksPath=/dev/null",
  "-c",
  "core.quotePath=true",
  "-c",
  "gc.auto=0",
  "-c",
  "maintenance.auto=false",
];
/** Caller's variables that say where configuration is; the others would lead git elsewhere. */
const KEPT = /^GIT_CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)$/;

export class Git {
  readonly #env: Readonly<Record<string, string>>;

  constructor({ env }: GitDeps) {
    const kept = Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && (!entry[0].startsWith("GIT_") || KEPT.test(entry[0])),
    );
    this.#env = { ...Object.fromEntries(kept), LC_ALL: "C", GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0", GIT_NO_LAZY_FETCH: "1" };
  }

  /** Runs git to its end. Throws `host.command_missing` without git, `host.command_failed` with git's words. */
  async run(args: readonly string[], options: GitOptions): Promise<GitAnswer> {
    const child = this.#spawn(args, options);
    const fed = feed(child, options.input);
    const [stdout, stderr, status] = await Promise.all([collect(child.stdout), collect(child.stderr), ended(child)]);
    await fed;
    const answer = { status, stdout, stderr: stderr.toString("utf8") };
    if (status !== 0 && options.accept?.includes(status) !== true) throw failed(args, answer);
    return answer;
  }

  /** The answer as text, without its last newline. */
  async text(args: readonly string[], options: GitOptions): Promise<string> {
    return (await this.run(args, options)).stdout.toString("utf8").replace(/\n$/, "");
  }

  /**
   * The answer as it comes; the stream fails when git does. Git is started by the first read: node throws away what a process
   * said that has ended before anybody listened.
   */
  async *stream(args: readonly string[], options: GitOptions): AsyncGenerator<Buffer> {
    const child = this.#spawn(args, options);
    feed(child, options.input).catch((cause: Error) => child.stdout.destroy(cause));
    yield* outputOf(child, args);
  }

  #spawn(args: readonly string[], { cwd, variables, signal }: GitOptions): Child {
    const env = { ...this.#env, ...variables };
    return spawnProcess("git", [...ALWAYS, ...args], {
      cwd,
      env,
      stdio: ["pipe", "pipe", "pipe"],
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Fails when the input itself does; a git that does not read all of it is no failure. */
async function feed(child: Child, input: GitOptions["input"]): Promise<void> {
  child.stdin.on("error", () => undefined);
  if (input === undefined || input instanceof Uint8Array) return void child.stdin.end(input);
  const source = Readable.from(input);
  const failure = new Promise<void>((resolve, reject) => {
    source.once("error", (cause) => {
      child.kill();
      reject(cause);
    });
    source.once("close", resolve);
    child.stdin.once("close", () => source.destroy());
  });
  source.pipe(child.stdin);
  await failure;
}

async function* outputOf(child: Child, args: readonly string[]): AsyncGenerator<Buffer> {
  const outcome = Promise.all([ended(child), collect(child.stderr)]);
  outcome.catch(() => undefined);
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const [status, stderr] = await outcome;
    if (status !== 0) throw failed(args, { status, stderr: stderr.toString("utf8") });
  } finally {
    child.kill();
  }
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function ended(child: Child): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") reject(programMissing("git", cause));
      else reject(cause);
    });
    child.once("close", (status) => resolve(status ?? -1));
  });
}

function failed(args: readonly string[], { status, stderr }: Pick<GitAnswer, "status" | "stderr">): BangerError {
  const words = stderr.trim().split("\n").slice(-3).join("\n");
  const name = args.find((word, at) => !word.startsWith("-") && args[at - 1] !== "-c" && args[at - 1] !== "-C") ?? "";
  return new BangerError("host.command_failed", `git ${name} failed${words === "" ? ` with status ${status}` : `: ${words}`}`, {
    details: { status },
  });
}
