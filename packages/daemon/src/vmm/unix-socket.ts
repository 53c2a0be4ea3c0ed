// Connecting to a socket in a directory that the VMM can write. A VMM that was taken over could leave a symlink to some other
// daemon's socket there; so the name is opened once without following it, checked, and connected to by descriptor. That also
// lifts the length limit of socket paths.
import { closeSync, fstatSync, openSync } from "node:fs";
import { constants } from "node:fs";
import { createConnection, type Socket } from "node:net";

/** open(2), not among Node's constants: names a file without opening what is behind it. */
const O_PATH = 0o10000000;

/** Connects to the Unix socket at `path`, which must be a socket itself. Throws what the system says, or the signal's reason. */
export async function connectUnix(path: string, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const descriptor = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    if (!fstatSync(descriptor).isSocket()) throw new Error(`${path} is not a socket`);
    return await connected(createConnection({ path: `/proc/self/fd/${descriptor}`, allowHalfOpen: true }), signal);
  } finally {
    closeSync(descriptor);
  }
}

function connected(socket: Socket, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const onAbort = () => socket.destroy(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    const onError = (error: Error) => {
      signal.removeEventListener("abort", onAbort);
      reject(error);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("error", onError).once("connect", () => {
      signal.removeEventListener("abort", onAbort);
      socket.off("error", onError);
      resolve(socket);
    });
  });
}
