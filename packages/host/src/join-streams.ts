// Two connections made one, as a relay has them: bytes both ways with back-pressure, each direction ended on its own. It is
// whole or it is cut: what breaks one side breaks the other, and what one side has said to its end still reaches the other.
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** How often a socket that is not being read is asked whether its peer is still there, in milliseconds. */
const PROBE_MS = 1000;
/** How long a side that has been told the end may take to end too, in milliseconds. */
const LINGER_MS = 2000;

/** Joins until both are closed. Never throws. Both streams are the joint's from now on. */
export function joinStreams(one: Duplex, other: Duplex): void {
  one.allowHalfOpen = true;
  other.allowHalfOpen = true;
  tie(one, other);
  tie(other, one);
  if (one.destroyed) cut(other);
  else if (other.destroyed) cut(one);
  else {
    one.pipe(other);
    other.pipe(one);
  }
}

/** Carries the fate of `from` to `to`. */
function tie(from: Duplex, to: Duplex): void {
  // What an error means is told to the other side at the close.
  from.on("error", ignore);
  from.once("close", () => {
    if (to.destroyed) return;
    // Closed before its end was read, it was cut: a mere end would pass for a whole answer.
    if (!from.readableEnded) cut(to);
    else finish(to, from.errored === null);
  });
  if (from instanceof Socket) watchPeer(from);
}

/**
 * Sends what is left, then waits a while for the other's own end: closing on unread input would reset what was just sent.
 * Where nobody is left to hear this side, it is not given for ever to take what is left.
 */
function finish(stream: Duplex, isPatient: boolean): void {
  const linger = () => {
    const end = setTimeout(() => cut(stream), LINGER_MS).unref();
    stream.once("close", () => clearTimeout(end));
    stream.resume();
  };
  stream.end(isPatient ? linger : undefined);
  if (!isPatient) linger();
}

function cut(stream: Duplex): void {
  // On TCP a reset says that it was cut; on a Unix socket there is no such word.
  if (stream instanceof Socket && stream.remoteFamily !== undefined) stream.resetAndDestroy();
  else stream.destroy();
}

/**
 * While a socket is not read, because the other side takes no more, or because it has ended, the kernel tells nobody that its
 * peer is gone. A write of no bytes reaches no peer, yet fails once there is none.
 */
function watchPeer(socket: Socket): void {
  const probe = setInterval(() => {
    const isUnread = socket.isPaused() || socket.readableEnded;
    if (isUnread && socket.writable && socket.writableLength === 0) socket.write(Buffer.alloc(0));
  }, PROBE_MS).unref();
  socket.once("close", () => clearInterval(probe));
}

function ignore(): void {}
