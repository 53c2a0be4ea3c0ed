// The guest's end of an exec stream, for tests: a program is a function of what the CLI sends.
import type { Duplex } from "node:stream";
import { encodeControl, encodeData, FRAME, FrameDecoder, type Control } from "@banger/api";

export interface FakeProgram {
  /** All of stdin, once it has ended. */
  readonly stdin: Promise<Buffer>;
  /** Resolves when stdin so far contains `text`. */
  untilStdin(text: string): Promise<void>;
  /** The next control message of that type that has not been taken yet. */
  control<T extends Control["type"]>(type: T): Promise<Extract<Control, { readonly type: T }>>;
  out(data: string | Buffer): void;
  err(data: string): void;
  /** Resolves when the CLI has hung up. */
  readonly hungUp: Promise<void>;
}

type Ending = { readonly status: number } | { readonly signal: string; readonly number: number } | { readonly failed: string } | "vanish";

/** An `execAttach` script that runs `program` and tells how it ended. */
export function fakeExec(program: (guest: FakeProgram) => Ending | Promise<Ending>): (socket: Duplex) => Promise<void> {
  return async (socket) => {
    socket.write(encodeControl({ type: "started", pid: 100 }));
    const ending = await program(connectProgram(socket));
    if (ending === "vanish") socket.destroy();
    else socket.end(encodeControl(lastWord(ending)));
  };
}

function lastWord(ending: Exclude<Ending, "vanish">): Control {
  if ("failed" in ending) return { type: "failed", code: ending.failed, message: "the guest's words" };
  return "status" in ending ? { type: "exit", status: ending.status } : { type: "exit", signal: ending.signal, number: ending.number };
}

function connectProgram(socket: Duplex): FakeProgram {
  const decoder = new FrameDecoder();
  const input: Buffer[] = [];
  const controls: Control[] = [];
  const watchers = new Set<() => void>();
  const stdinEnd = Promise.withResolvers<Buffer>();
  const hungUp = Promise.withResolvers<void>();
  socket.on("data", (chunk: Buffer) => {
    for (const { type, payload } of decoder.push(chunk)) {
      if (type === FRAME.stdin) input.push(Buffer.from(payload));
      if (type === FRAME.control) controls.push(JSON.parse(payload.toString("utf8")) as Control);
    }
    if (controls.some((control) => control.type === "eof")) stdinEnd.resolve(Buffer.concat(input));
    for (const watcher of watchers) watcher();
  });
  // The server keeps half-open connections: a client that has gone is seen by its end.
  socket.once("end", () => hungUp.resolve());
  socket.once("close", () => hungUp.resolve());
  const until = <T>(look: () => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const watcher = () => {
        const found = look();
        if (found === undefined) return;
        watchers.delete(watcher);
        resolve(found);
      };
      watchers.add(watcher);
      watcher();
    });
  return {
    stdin: stdinEnd.promise,
    untilStdin: (text) => until(() => (Buffer.concat(input).includes(text) ? true : undefined)).then(() => undefined),
    control: <T extends Control["type"]>(type: T) =>
      until(() => {
        const at = controls.findIndex((control) => control.type === type);
        return at === -1 ? undefined : (controls.splice(at, 1)[0] as Extract<Control, { readonly type: T }>);
      }),
    out: (data) => write(socket, FRAME.stdout, Buffer.from(data as string)),
    err: (data) => write(socket, FRAME.stderr, Buffer.from(data)),
    hungUp: hungUp.promise,
  };
}

function write(socket: Duplex, type: 1 | 2, data: Buffer): void {
  for (const frame of encodeData(type, data)) socket.write(frame);
}
