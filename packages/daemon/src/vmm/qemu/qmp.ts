// The little of QMP that a driver needs, after https://www.qemu.org/docs/master/interop/qmp-spec.html: greeting, capabilities,
// one command at a time. What comes from QEMU is not trusted: lines are bounded.
import type { Socket } from "node:net";
import { once } from "node:events";
import { connectUnix } from "../unix-socket.ts";

const MAX_LINE = 256 * 1024;

interface Reply {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class QmpClient implements Disposable {
  readonly #socket: Socket;
  readonly #onEvent: (name: string) => void;
  #rest = "";
  #reply: Reply | undefined;
  #error: Error | undefined;

  private constructor(socket: Socket, onEvent: (name: string) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#read(text));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("QEMU closed its monitor")));
    socket.on("end", () => this.#fail(new Error("QEMU closed its monitor")));
  }

  /** Connects to QEMU's monitor and waits for its greeting, which comes once the machine is built. Throws when it does not come. */
  static async connect(path: string, signal: AbortSignal, onEvent: (name: string) => void = () => undefined): Promise<QmpClient> {
    const client = new QmpClient(await connectUnix(path, signal), onEvent);
    try {
      await client.#next(signal);
      await client.execute("qmp_capabilities", signal);
      return client;
    } catch (error) {
      client[Symbol.dispose]();
      throw error;
    }
  }

  /** Runs `command` and answers what it returns. Throws with QEMU's description of what is wrong. */
  async execute(command: string, signal: AbortSignal): Promise<unknown> {
    const answer = this.#next(signal);
    this.#socket.write(`${JSON.stringify({ execute: command })}\n`);
    return answer;
  }

  /** Resolves when QEMU has closed the connection. */
  async closed(signal: AbortSignal): Promise<void> {
    if (!this.#socket.closed) await once(this.#socket, "close", { signal });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #next(signal: AbortSignal): Promise<unknown> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#reply !== undefined) return Promise.reject(new Error("a QMP command is still under way"));
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const onAbort = () => this.#fail(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    signal.addEventListener("abort", onAbort, { once: true });
    this.#reply = { resolve, reject };
    if (signal.aborted) onAbort();
    return promise.finally(() => signal.removeEventListener("abort", onAbort));
  }

  #read(text: string): void {
    this.#rest += text;
    for (let end = this.#rest.indexOf("\n"); end >= 0; end = this.#rest.indexOf("\n")) {
      const line = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end + 1);
      this.#message(line);
    }
    if (this.#rest.length > MAX_LINE) this.#fail(new Error(`QEMU's monitor sent a line of more than ${MAX_LINE} characters`));
  }

  #message(line: string): void {
    const message = parseQmp(line);
    if (message.type === "event") return this.#onEvent(message.name);
    const reply = this.#reply;
    this.#reply = undefined;
    if (message.type === "error") reply?.reject(new Error(message.description));
    else reply?.resolve(message.value);
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#reply?.reject(this.#error);
    this.#reply = undefined;
    this.#socket.destroy();
  }
}

export type QmpMessage =
  | { readonly type: "answer"; readonly value: unknown }
  | { readonly type: "error"; readonly description: string }
  | { readonly type: "event"; readonly name: string };

/** One line of QMP. A line that is none of its messages is an error. */
export function parseQmp(line: string): QmpMessage {
  let document: unknown;
  try {
    document = JSON.parse(line);
  } catch (error) {
    return { type: "error", description: `not a QMP message: ${String(error)}` };
  }
  if (typeof document !== "object" || document === null) return { type: "error", description: "not a QMP message" };
  if ("event" in document) return { type: "event", name: String(document.event) };
  if ("QMP" in document) return { type: "answer", value: document.QMP };
  if ("return" in document) return { type: "answer", value: document.return };
  const error = "error" in document ? document.error : undefined;
  const description = typeof error === "object" && error !== null && "desc" in error ? String(error.desc) : "not a QMP message";
  return { type: "error", description };
}
