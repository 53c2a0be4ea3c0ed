// A server of the lab: `tcp ADDRESS PORT` greets whoever connects and echoes what it then gets; `dns ADDRESS` answers every
// question, over UDP and TCP, with 192.0.2.99 (see RFC 1035). Says one line once it listens.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

const [kind = "", address = "", port = ""] = process.argv.slice(2);
const tcp = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  if (kind === "dns") {
    socket.on("data", (message) => socket.end(withLength(answer(message.subarray(2)))));
    return;
  }
  socket.write(`hello from ${address}\n`);
  socket.pipe(socket);
});
tcp.listen(kind === "dns" ? 53 : Number(port), address);
await once(tcp, "listening");
if (kind === "dns") {
  const udp = createSocket("udp4");
  udp.on("message", (message, from) => udp.send(answer(message), from.port, from.address));
  udp.bind(53, address);
  await once(udp, "listening");
}
process.stdout.write("ready\n");

function answer(query: Buffer): Buffer {
  const end = query.indexOf(0, 12) + 5;
  const header = Buffer.from([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 99]);
  return Buffer.concat([query.subarray(0, 2), header, query.subarray(12, end), record]);
}

function withLength(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}
