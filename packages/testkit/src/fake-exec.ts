// Exec for the fake agent: real commands of this host, in their own process group, over the frames of docs/guest-protocol.md.
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import type { Duplex, Readable, Writable } from "node:stream";
import { encodeControl, encodeData, FRAME, FrameDecoder, type Control } from "@banger/api";

export interface ExecStart {
  readonly type: "start";
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly user: string;
  readonly login: boolean;
  readonly tty: unknown;
  readonly stdin: boolean;
}

export interface FakeExecOptions {
  /** The directory that stands for the guest's `/`: `cwd` is looked up there first. */
  readonly rootDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Sees each command first; true when it has dealt with it itself (exit status 0 is reported then). */
  readonly intercept: (argv: readonly string[]) => boolean;
  /** Sees the leader of each command's process group. */
  readonly onSpawn?: (pid: number) => void;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;
const KILL_AFTER_MS = 5000;
const AWAIT_OUTPUT_MS = 250;

/** Serves one exec stream to its end. */
export function serveExec(stream: Duplex, options: FakeExecOptions): void {
  const decoder = new FrameDecoder();
  let child: Child | undefined;
  let hasStarted = false;
  stream.on("error", () => undefined);
  stream.on("data", (chunk: Buffer) => {
    for (const { type, payload } of decoder.push(chunk)) {
      if (!hasStarted) {
        hasStarted = true;
        child = start(stream, JSON.parse(payload.toString()) as ExecStart, options);
      } else if (type === FRAME.control) control(child, JSON.parse(payload.toString()) as Control);
      else if (type === FRAME.stdin) writeInput(stream, child, payload);
    }
  });
  stream.once("close", () => {
    if (child !== undefined) hangUp(child);
  });
}

function start(stream: Duplex, spec: ExecStart, options: FakeExecOptions): Child | undefined {
  const fail = (code: string, message: string): undefined => {
    stream.end(encodeControl({ type: "failed", code, message }));
  };
  if (spec.tty !== null) return fail("failed", "the fake agent has no terminals");
  if (options.intercept(spec.argv)) {
    stream.write(encodeControl({ type: "started", pid: 1 }));
    stream.end(encodeControl({ type: "exit", status: 0 }));
    return undefined;
  }
  const cwd = workingDirectory(spec.cwd, options.rootDir);
  if (cwd === undefined) return fail("no_cwd", `${spec.cwd}: no such directory`);
  const argv = spec.login ? ["sh", "-c", 'exec "$@"', "sh", ...spec.argv] : spec.argv;
  const child = spawn(argv[0] ?? "", argv.slice(1), {
    cwd,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      HOME: options.rootDir,
      USER: spec.user,
      LOGNAME: spec.user,
      SHELL: "/bin/sh",
      PATH: options.env["PATH"] ?? "/usr/bin:/bin",
      LANG: "C.UTF-8",
      ...spec.env,
    },
  });
  child.once("error", (error: NodeJS.ErrnoException) => {
    fail(error.code === "ENOENT" ? "not_found" : error.code === "EACCES" ? "not_executable" : "failed", error.message);
  });
  child.once("spawn", () => {
    if (child.pid !== undefined) options.onSpawn?.(child.pid);
    stream.write(encodeControl({ type: "started", pid: child.pid }));
  });
  child.stdin.on("error", () => undefined);
  if (!spec.stdin) child.stdin.end();
  forwardOutput(stream, child, FRAME.stdout);
  forwardOutput(stream, child, FRAME.stderr);
  reportExit(stream, child);
  return child;
}

function forwardOutput(stream: Duplex, child: Child, type: 1 | 2): void {
  const source = type === FRAME.stdout ? child.stdout : child.stderr;
  source.on("data", (data: Buffer) => {
    if (stream.destroyed) return;
    let hasRoom = true;
    for (const frame of encodeData(type, data)) hasRoom = stream.write(frame) && hasRoom;
    if (hasRoom) return;
    source.pause();
    stream.once("drain", () => source.resume());
  });
}

function reportExit(stream: Duplex, child: Child): void {
  let hasReported = false;
  const report = (status: number | null, signal: NodeJS.Signals | null) => {
    if (hasReported || stream.destroyed) return;
    hasReported = true;
    const message: Control =
      signal === null
        ? { type: "exit", status: status ?? 255 }
        : { type: "exit", signal: signal.slice(3), number: constants.signals[signal] };
    stream.end(encodeControl(message));
  };
  child.once("close", report);
  // Only output that somebody else still holds open is cut short: what the command itself wrote is awaited through `close`.
  child.once("exit", (status, signal) => {
    const check = () => {
      if (child.stdout.isPaused() || child.stderr.isPaused()) timer.refresh();
      else report(status, signal);
    };
    const timer = setTimeout(check, AWAIT_OUTPUT_MS);
    child.once("close", () => clearTimeout(timer));
    stream.once("close", () => clearTimeout(timer));
  });
}

function control(child: Child | undefined, message: Control): void {
  if (message.type === "eof") child?.stdin.end();
  else if (message.type === "signal" && child !== undefined) signalGroup(child, `SIG${message.signal}` as NodeJS.Signals);
}

function writeInput(stream: Duplex, child: Child | undefined, payload: Buffer): void {
  if (child === undefined || !child.stdin.writable || child.stdin.write(payload)) return;
  stream.pause();
  if (child.stdin.listenerCount("drain") > 0) return;
  const resume = () => {
    child.stdin.off("drain", resume).off("close", resume);
    stream.resume();
  };
  child.stdin.once("drain", resume);
  child.stdin.once("close", resume);
}

function hangUp(child: Child): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  signalGroup(child, "SIGHUP");
  const timer = setTimeout(() => signalGroup(child, "SIGKILL"), KILL_AFTER_MS);
  child.once("exit", () => clearTimeout(timer));
}

function signalGroup(child: Child, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function workingDirectory(cwd: string, rootDir: string): string | undefined {
  if (cwd === "") return rootDir;
  return [join(rootDir, cwd), cwd].find((path) => existsSync(path));
}
