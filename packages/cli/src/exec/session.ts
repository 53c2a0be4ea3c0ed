// Runs one command in a guest with this process's stdin, stdout, stderr and terminal wired through, and answers its status.
import type { Duplex } from "node:stream";
import {
  BangerError,
  encodeControl,
  encodeData,
  FRAME,
  FrameDecoder,
  routes,
  type Client,
  type Control,
  type Frame,
  type ReadinessLevel,
} from "@banger/api";
import type { CliContext } from "../context.ts";
import type { CliDeps } from "../deps.ts";
import { Interrupted } from "../interrupt.ts";
import { writeAll } from "../output/output.ts";
import { outcomeOf } from "./status.ts";
import { terminalSize, wireTerminal } from "./terminal.ts";
import { WayOut } from "./way-out.ts";

export interface GuestCommand {
  readonly argv: readonly string[];
  readonly tty: boolean;
  /** Whether our stdin is the command's; otherwise it reads end of file. */
  readonly stdin: boolean;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  readonly user?: string | undefined;
  readonly wait?: ReadinessLevel | undefined;
}

export interface ExecSession {
  readonly context: CliContext;
  /** The daemon, where it is known to be there and of our version. */
  readonly client?: Client;
  readonly vmName: string;
  readonly command: GuestCommand;
}

/**
 * Runs the command to its end. Throws `exec.failed` when it could not be tried, `guest.unreachable` when the connection broke
 * before its status came, BrokenPipe when the reader of our stdout has gone (the command is then hung up on), Interrupted when
 * the user had enough of a guest that does not answer.
 */
export async function runInGuest(session: ExecSession): Promise<number> {
  const { context, vmName, command } = session;
  const { deps } = context;
  const gaveUp = Promise.withResolvers<never>();
  const hangUp = new AbortController();
  let { client } = session;
  let socket: Duplex | undefined;
  const tell = (control: Control) => {
    if (socket?.writable === true) socket.write(encodeControl(control));
  };
  // Undone whatever becomes of the work: the terminal is given back also while nobody reads our output.
  using wires = new DisposableStack();
  wires.defer(() => socket?.destroy());
  const wayOut = new WayOut({
    ...{ signals: deps.signals, stderr: deps.stderr, newline: command.tty && deps.isTerminal.stdin ? "\r\n" : "\n" },
    ping: async (signal) => await client?.call(routes.vmPing, { params: { name: vmName } }, { signal }),
    forward: (signal) => tell({ type: "signal", signal: signal.slice("SIG".length) }),
    leave(signal) {
      gaveUp.reject(new Interrupted(signal, leftBehind(session, socket !== undefined)));
      hangUp.abort();
    },
  });
  wires.use(wayOut);
  const run = async () => {
    const prepared = await prepare(session, hangUp.signal);
    ({ client } = prepared);
    socket = await client.upgrade(routes.execAttach, { params: { id: prepared.id } }, { signal: hangUp.signal });
    if (command.tty) wires.use(wireTerminal(deps, tell));
    if (command.stdin) wires.use(pumpStdin(deps, socket, command.tty ? wayOut : undefined));
    else tell({ type: "eof" });
    return await drain(socket, session, wayOut);
  };
  return await Promise.race([run(), gaveUp.promise]);
}

/** Remembered by the daemon, to be attached to. */
async function prepare({ context, client, vmName, command }: ExecSession, signal: AbortSignal) {
  const input = { params: { name: vmName }, body: execBody(context.deps, command) };
  if (client !== undefined) return { client, id: (await client.call(routes.vmExec, input, { signal })).id };
  const opened = await context.open(routes.vmExec, input, { signal });
  return { client: opened.client, id: opened.result.id };
}

function leftBehind({ vmName, command }: ExecSession, wasSent: boolean): string {
  const program = command.argv[0] ?? "";
  if (!wasSent) return `cancelled: ${program} was not started in ${vmName}`;
  return `left: ${program} may still be running in ${vmName}.  look: banger vm show ${vmName}   stop: banger vm stop ${vmName}`;
}

function execBody(deps: CliDeps, command: GuestCommand) {
  const { env, cwd, user, wait } = command;
  return {
    argv: [...command.argv],
    login: true,
    ...(command.tty ? { tty: { ...terminalSize(deps), term: deps.env["TERM"] || "xterm" } } : {}),
    ...(env === undefined ? {} : { env: { ...env } }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(user === undefined ? {} : { user }),
    ...(wait === undefined ? {} : { wait }),
  };
}

/** Sends our stdin as frames, no faster than the socket takes them; its end is told as such. */
function pumpStdin({ stdin }: CliDeps, socket: Duplex, terminal: WayOut | undefined): Disposable {
  const onData = (chunk: Buffer | string) => {
    terminal?.typed(Buffer.from(chunk as Buffer));
    // The command may have ended while there is still input.
    if (!socket.writable) return;
    let hasRoom = true;
    for (const frame of encodeData(FRAME.stdin, Buffer.from(chunk as Buffer))) hasRoom = socket.write(frame);
    if (!hasRoom) stdin.pause();
  };
  const onDrain = () => stdin.resume();
  // A stdin that cannot be read, such as a directory, is an empty one.
  const onEnd = () => {
    if (socket.writable) socket.write(encodeControl({ type: "eof" }));
  };
  stdin.on("data", onData).once("end", onEnd).once("error", onEnd);
  socket.on("drain", onDrain);
  return {
    [Symbol.dispose]() {
      stdin.off("data", onData).off("end", onEnd);
      stdin.pause();
      socket.off("drain", onDrain);
    },
  };
}

const CONNECTION_LOST: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE"]);

/** Copies output as it comes, waiting for whoever reads it, until the command's last word. */
async function drain(socket: Duplex, { context, command }: ExecSession, wayOut: WayOut): Promise<number> {
  const program = command.argv[0] ?? "";
  const decoder = new FrameDecoder();
  try {
    for await (const chunk of socket) {
      for (const frame of decoder.push(chunk as Buffer)) {
        // An empty one is the daemon's own.
        if (frame.payload.length > 0) wayOut.heard();
        if (frame.type === FRAME.control) wayOut.started();
        const status = await takeFrame(frame, context, program);
        if (status !== undefined) return status;
      }
    }
  } catch (error) {
    if (!CONNECTION_LOST.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
  throw new BangerError("guest.unreachable", `the connection to the guest ended before ${program} told its status`, {
    hint: "banger vm list",
  });
}

async function takeFrame(frame: Frame, { deps }: CliContext, program: string): Promise<number | undefined> {
  switch (frame.type) {
    case FRAME.stdout:
      await writeAll(deps.stdout, frame.payload);
      return undefined;
    case FRAME.stderr:
      // Nobody reading stderr is no reason to end the command.
      await writeAll(deps.stderr, frame.payload).catch(() => undefined);
      return undefined;
    case FRAME.control: {
      const outcome = outcomeOf(JSON.parse(frame.payload.toString("utf8")) as Control, program);
      if (outcome?.kind === "refused") deps.stderr.write(`${outcome.message}\n`);
      return outcome?.status;
    }
    case FRAME.stdin:
      return undefined;
  }
}
