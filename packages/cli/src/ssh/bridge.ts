// The connection that ssh runs over, carried by this process: another banger as ssh's ProxyCommand takes longer to start than ssh
// does. ssh itself can be given nothing but a command and closes what it inherits, so that its two ends are named pipes.
import { constants, openSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { promisify } from "node:util";
import { BangerError } from "@banger/api";
import type { CliDeps } from "../deps.ts";

export interface Bridge extends AsyncDisposable {
  /** Argv for ssh's ProxyCommand. */
  readonly proxy: readonly string[];
  /** Carries what comes and goes; when `guest` ends or fails, so does the connection of ssh. */
  carry(guest: Promise<Duplex>): void;
}

/** The first pipe is open before a word of ssh can be heard. */
const PROXY = `exec 3<"$1"; cat <&3 3<&- & exec cat >"$2" 3<&-`;

/** Two named pipes in a directory of ours, until it is disposed. Throws `host.command_failed`. */
export async function openBridge({ childProcess, env }: Pick<CliDeps, "childProcess" | "env">, directory: string): Promise<Bridge> {
  const paths = { toSsh: join(directory, "to-ssh"), fromSsh: join(directory, "from-ssh") };
  await promisify(childProcess.execFile)("mkfifo", ["-m", "600", paths.toSsh, paths.fromSsh], { env }).catch(
    (error: NodeJS.ErrnoException) => {
      throw new BangerError("host.command_failed", `mkfifo failed: ${error.message}`, { cause: error });
    },
  );
  const ends = new DisposableStack();
  const toSsh = openEnd(ends, paths.toSsh, "write");
  const fromSsh = openEnd(ends, paths.fromSsh, "read");
  return {
    proxy: ["sh", "-c", PROXY, "sh", paths.toSsh, paths.fromSsh],
    carry(guest) {
      const heard = () => new Promise((resolve) => fromSsh.once("data", resolve));
      const over = guest.then(async (stream) => {
        const first = heard();
        if (!stream.destroyed) await joined({ stream, fromSsh, toSsh });
        // Closed before its other end is open, the pipe to ssh would be waited for without end.
        fromSsh.unpipe().resume();
        await first;
      }, heard);
      void over.then(() => toSsh.write("", () => toSsh.destroy()));
    },
    async [Symbol.asyncDispose]() {
      ends.dispose();
      for (const path of Object.values(paths)) await unlink(path);
    },
  };
}

interface Ends {
  readonly stream: Duplex;
  readonly fromSsh: Socket;
  readonly toSsh: Socket;
}

/** Until all that the guest says has been handed on. */
async function joined({ stream, fromSsh, toSsh }: Ends): Promise<void> {
  // What an error means is told by the close.
  stream.on("error", () => undefined);
  fromSsh.pipe(stream, { end: false });
  stream.pipe(toSsh, { end: false });
  await new Promise((resolve) => stream.once("end", resolve).once("close", resolve));
}

/** The file is open for both directions, as pipe(7) lets us: neither opening nor using it waits for the other end. */
function openEnd(ends: DisposableStack, path: string, use: "read" | "write"): Socket {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: use === "read", writable: use === "write" });
  ends.defer(() => void socket.destroy());
  return socket.on("error", () => undefined);
}
