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
import { writeAll } from "../output/output.ts";
import { forwardSignals } from "./signals.ts";
import { outcomeOf } from "./status.ts";
import { terminalSize, wireTerminal } from "./terminal.ts";

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
  readonly client: Client;
  readonly vmName: string;
  readonly command: GuestCommand;
}

/**
 * Runs the command to its end. Throws `exec.failed` when it could not be tried, `guest.unreachable` when the connection broke
 * before its status came, BrokenPipe when the reader of our stdout has gone (the command is then hung up on).
 */
export async function runInGuest({ context, client, vmName, command }: ExecSession): Promise<number> {
  const { deps } = context;
  const { id } = await client.call(routes.vmExec, { params: { name: vmName }, body: execBody(deps, command) });
  const socket = await client.upgrade(routes.execAttach, { params: { id } });
  using wires = new DisposableStack();
  wires.defer(() => socket.destroy());
  const tell = (control: Control) => {
    if (socket.writable) socket.write(encodeControl(control));
  };
  wires.use(forwardSignals(deps, tell));
  if (command.tty) wires.use(wireTerminal(deps, tell));
  if (command.stdin) wires.use(pumpStdin(deps, socket));
  else tell({ type: "eof" });
  return await drain(socket, context, command.argv[0] ?? "");
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
function pumpStdin({ stdin }: CliDeps, socket: Duplex): Disposable {
  const onData = (chunk: Buffer | string) => {
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
async function drain(socket: Duplex, context: CliContext, program: string): Promise<number> {
  const decoder = new FrameDecoder();
  try {
    for await (const chunk of socket) {
      for (const frame of decoder.push(chunk as Buffer)) {
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
