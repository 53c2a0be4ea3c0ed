// Runs the CLI in this process against a scripted daemon and takes down all it says.
import * as childProcess from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable, Writable } from "node:stream";
import { resolvePaths } from "@banger/api";
import { runCli } from "../cli.ts";
import type { CliDeps, OutputStream } from "../deps.ts";
import { startFakeDaemon, type FakeDaemon, type FakeDaemonOptions, type Script } from "./fake-daemon.ts";

export interface Scene extends AsyncDisposable {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  readonly daemon: FakeDaemon | undefined;
  readonly signals: EventEmitter;
  /** Sends a signal once the CLI listens for it. */
  signal(name: NodeJS.Signals): Promise<void>;
  /** Runs one command line; `stdin` is its whole input. */
  cli(argv: readonly string[], options?: CliOptions): Promise<Said>;
}

export interface CliOptions {
  readonly stdin?: string | Readable;
  readonly env?: Readonly<Record<string, string>>;
  readonly startedAs?: string;
  readonly isTerminal?: Partial<CliDeps["isTerminal"]>;
  readonly stdout?: OutputStream;
  /** Of the terminal that stderr is. */
  readonly size?: { readonly columns: number; readonly rows: number };
  readonly daemonProgram?: readonly string[];
  /** Called with all of stderr so far whenever something is added. */
  readonly onStderr?: (soFar: string) => void;
}

export interface Said {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home of its own, and a daemon when there is a script. */
export async function openScene(script?: Script, daemonOptions?: FakeDaemonOptions): Promise<Scene> {
  const home = mkdtempSync(join(tmpdir(), "banger-cli-"));
  const env = { BANGER_HOME: home, HOME: home, GIT_CONFIG_NOSYSTEM: "1", PATH: process.env["PATH"] ?? "" };
  const { socket } = resolvePaths({ uid: 1000, home, env });
  const daemon = script === undefined ? undefined : await startFakeDaemon(socket, script, daemonOptions);
  const signals = new EventEmitter();
  const started: childProcess.ChildProcess[] = [];
  const spawn = ((...args: Parameters<typeof childProcess.spawn>) => {
    const child = childProcess.spawn(...args);
    started.push(child);
    return child;
  }) as typeof childProcess.spawn;
  return {
    home,
    env,
    daemon,
    signals,
    async signal(name) {
      while (signals.listenerCount(name) === 0) await new Promise((resolve) => setImmediate(resolve));
      signals.emit(name, name);
    },
    cli: (argv, options = {}) => say({ argv, home, env: { ...env, ...options.env }, signals, spawn, options }),
    async [Symbol.asyncDispose]() {
      await daemon?.[Symbol.asyncDispose]();
      // A daemon that is still coming up would write into the home that goes.
      await Promise.all(started.map(ended));
      rmSync(home, { recursive: true, force: true });
    },
  };
}

interface Run {
  readonly argv: readonly string[];
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signals: EventEmitter;
  readonly spawn: typeof childProcess.spawn;
  readonly options: CliOptions;
}

async function ended(child: childProcess.ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

async function say({ argv, home, env, signals, spawn, options }: Run): Promise<Said> {
  const stdout = memoryStream();
  const stderr = memoryStream(options.onStderr);
  const exited = Promise.withResolvers<number>();
  const deps: CliDeps = {
    argv,
    startedAs: options.startedAs,
    env,
    uid: 1000,
    home,
    cwd: home,
    stdin: typeof options.stdin === "string" ? Readable.from([Buffer.from(options.stdin)]) : (options.stdin ?? new PassThrough().end()),
    stdout: options.stdout ?? stdout.stream,
    stderr: Object.assign(stderr.stream, options.size),
    isTerminal: { stdin: false, stdout: false, stderr: false, ...options.isTerminal },
    signals,
    now: () => Date.parse("2026-01-01T00:04:00.000Z"),
    childProcess: { ...childProcess, spawn },
    self: ["/usr/bin/banger"],
    daemonProgram: options.daemonProgram ?? [],
    exitNow: (status) => exited.resolve(status),
  };
  const status = await Promise.race([runCli(deps), exited.promise]);
  return { status, stdout: stdout.text(), stderr: stderr.text() };
}

function memoryStream(onWrite?: (soFar: string) => void): { readonly stream: OutputStream; readonly text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      onWrite?.(text());
      done();
    },
  });
  const text = () => Buffer.concat(chunks).toString("utf8");
  return { stream, text };
}
