// A guest's network card by hand: QEMU without a machine carries frames between the tap and this process, over UDP on the
// namespace's loopback. Asks the gateway by ARP (RFC 826), once as MAC and ADDRESS and once as each impostor, and prints one
// line for each question: `answered` or `silence`.
//   frames-main.ts QEMU TAP GATEWAY MAC ADDRESS [MAC ADDRESS]...
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { poll } from "@banger/host";

const [qemu = "", tap = "", gateway = "", ...identities] = process.argv.slice(2);
const socket = createSocket("udp4");
const replies: string[] = [];
socket.on("message", (frame) => {
  const isArpReply = frame.readUInt16BE(12) === 0x0806 && frame.readUInt16BE(20) === 2;
  if (isArpReply) replies.push(frame.subarray(38, 42).join("."));
});
socket.bind(0, "127.0.0.1");
await once(socket, "listening");
const port = socket.address().port;
const qemuPort = port === 65_535 ? port - 1 : port + 1;
// The jail's shape: a user namespace of its own, so that owning the tap is all QEMU has.
const child = spawn(
  "unshare",
  [
    ...["--user", "--", qemu, "-machine", "none", "-nodefaults", "-display", "none", "-monitor", "none", "-serial", "none"],
    ...["-netdev", `tap,id=tap,ifname=${tap},script=no,downscript=no`, "-netdev", "hubport,id=a,hubid=0,netdev=tap"],
    ...["-netdev", `socket,id=us,udp=127.0.0.1:${port},localaddr=127.0.0.1:${qemuPort}`, "-netdev", "hubport,id=b,hubid=0,netdev=us"],
  ],
  { stdio: ["ignore", "ignore", "inherit"] },
);
child.once("exit", (status) => process.exit(status ?? 1));

for (let index = 0; index < identities.length; index += 2) {
  const [mac = "", address = ""] = identities.slice(index, index + 2);
  replies.length = 0;
  const answered = await poll(
    () => {
      socket.send(question(mac, address), qemuPort, "127.0.0.1");
      return replies.includes(address) ? true : undefined;
    },
    { timeoutMs: index === 0 ? 20_000 : 1500, intervalMs: 100 },
  );
  process.stdout.write(answered === undefined ? "silence\n" : "answered\n");
}
child.removeAllListeners("exit");
child.kill("SIGKILL");
socket.close();

function question(mac: string, address: string): Buffer {
  const sender = Buffer.from(mac.replaceAll(":", ""), "hex");
  const arp = Buffer.from([0, 1, 8, 0, 6, 4, 0, 1]);
  const ip = (text: string) => Buffer.from(text.split(".").map(Number));
  return Buffer.concat([
    Buffer.alloc(6, 0xff),
    sender,
    Buffer.from([8, 6]),
    arp,
    sender,
    ip(address),
    Buffer.alloc(6),
    ip(gateway),
    Buffer.alloc(18),
  ]);
}
