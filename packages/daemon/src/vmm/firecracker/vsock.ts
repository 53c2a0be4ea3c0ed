// A connection to a port of the guest through Firecracker's vsock socket: `CONNECT <port>\n` is answered `OK <number>\n`, and
// what follows is the guest's. When nothing listens there, Firecracker just closes.
import type { Duplex } from "node:stream";
import { connectUnix } from "../unix-socket.ts";

/** Port of the guest's agent (docs/guest-protocol.md). */
export const AGENT_PORT = 1024;
const MAX_ANSWER = 32;

/** Throws what went wrong; the stream is raw bytes from its first byte on. */
export async function connectVsock(socketPath: string, port: number, signal: AbortSignal): Promise<Duplex> {
  const socket = await connectUnix(socketPath, signal);
  try {
    socket.write(`CONNECT ${port}\n`);
    await accepted(socket, signal);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Reads the answer and leaves what follows it in the stream. */
function accepted(stream: Duplex, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer: Buffer = Buffer.alloc(0);
    const settle = (act: () => void) => {
      stream.off("readable", onReadable).off("end", onEnd).off("close", onEnd).off("error", onError);
      signal.removeEventListener("abort", onAbort);
      act();
    };
    const onError = (error: Error) => settle(() => reject(error));
    const onEnd = () => onError(new Error("nothing listens there"));
    const onAbort = () => onError(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    const onReadable = () => {
      for (let chunk = readChunk(stream); chunk !== null; chunk = readChunk(stream)) {
        answer = Buffer.concat([answer, chunk]);
        const end = answer.indexOf("\n");
        if (end < 0 && answer.length <= MAX_ANSWER) continue;
        const line = answer.toString("latin1", 0, Math.max(end, 0));
        if (!/^OK \d+$/.test(line)) return onError(new Error(`unexpected answer ${JSON.stringify(line)}`));
        const rest = answer.subarray(end + 1);
        return settle(() => {
          if (rest.length > 0) stream.unshift(rest);
          resolve();
        });
      }
    };
    stream.on("readable", onReadable).once("end", onEnd).once("close", onEnd).once("error", onError);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

function readChunk(stream: Duplex): Buffer | null {
  const chunk: unknown = stream.read();
  return chunk === null ? null : Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk as string);
}
