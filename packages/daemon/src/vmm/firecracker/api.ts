// A client of Firecracker's API: HTTP over its Unix socket, one request at a time.
import { request, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { connectUnix } from "../unix-socket.ts";
import type { ApiRequest } from "./configuration.ts";

/** Longest answer that is read, in bytes. */
const MAX_ANSWER = 64 * 1024;

/** A refusal, with Firecracker's own words. */
export class FirecrackerFault extends Error {
  override readonly name = "FirecrackerFault";
}

/** Sends one PUT. Throws FirecrackerFault when it is refused, other errors when Firecracker is not there. */
export async function put(socketPath: string, call: ApiRequest, signal: AbortSignal): Promise<void> {
  const socket = await connectUnix(socketPath, signal);
  try {
    const answer = await send(socket, call, signal);
    const body = await readBody(answer);
    if (answer.statusCode !== 204)
      throw new FirecrackerFault(`PUT ${call.path}: ${faultMessage(body) ?? `status ${answer.statusCode ?? "?"}`}`);
  } finally {
    socket.destroy();
  }
}

/** Whether the API answers: its socket may exist before it does. */
export async function isAnswering(socketPath: string, signal: AbortSignal): Promise<boolean> {
  try {
    (await connectUnix(socketPath, signal)).destroy();
    return true;
  } catch (error) {
    signal.throwIfAborted();
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ECONNREFUSED") return false;
    throw error;
  }
}

function send(socket: Socket, call: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify(call.body);
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body), Accept: "application/json" };
    request({ method: "PUT", path: call.path, headers, signal, createConnection: () => socket })
      .on("response", resolve)
      .on("error", reject)
      .end(body);
  });
}

async function readBody(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) {
    text += String(chunk);
    if (text.length > MAX_ANSWER) throw new Error("Firecracker's answer is too long");
  }
  return text;
}

/** `fault_message` of an error's body. */
export function faultMessage(body: string): string | undefined {
  try {
    const document: unknown = JSON.parse(body);
    if (typeof document !== "object" || document === null || !("fault_message" in document)) return undefined;
    return String(document.fault_message).slice(0, 2000);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
