// node:http2 stops reading while one of its writes is under way, so two Node peers with full buffers wait for each other for
// ever. The real agent always reads; the fake one does too when its writes are taken at once (HTTP/2 windows bound them).
import { Duplex } from "node:stream";

/** `channel`, taking every write at once. */
export function eagerWrites(channel: Duplex): Duplex {
  const eager = new Duplex({
    allowHalfOpen: true,
    read: () => void channel.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      if (!channel.destroyed) channel.write(chunk);
      done();
    },
    final: (done) => {
      channel.end();
      done();
    },
    destroy: (error, done) => {
      channel.destroy();
      done(error);
    },
  });
  eager.on("error", () => undefined);
  channel.on("data", (chunk: Buffer) => {
    if (!eager.push(chunk)) channel.pause();
  });
  channel
    .on("end", () => eager.push(null))
    .on("error", (error) => eager.destroy(error))
    .on("close", () => eager.destroy());
  return eager;
}
