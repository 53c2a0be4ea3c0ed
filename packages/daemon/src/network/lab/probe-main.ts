// What a guest can do, tried from inside: prints the answer, or the code of the error.
//   tcp ADDRESS PORT [SOURCE]   the first words of who listens there
//   bulk ADDRESS PORT BYTES     sends so many bytes to an echo and counts what comes back, up to that
//   half-close ADDRESS PORT BYTES  the same, but ends its side first and counts to the other's end
//   dns udp|tcp SERVER          the address of a name
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const [what = "", first = "", second = "", third = ""] = process.argv.slice(2);
const timeoutMs = 2500;
process.stdout.write(
  await attempt(
    what === "tcp"
      ? greet
      : what === "bulk"
        ? () => bulk(false)
        : what === "half-close"
          ? () => bulk(true)
          : second === ""
            ? fail
            : first === "udp"
              ? dnsOverUdp
              : dnsOverTcp,
  ),
);
process.exit(0);

async function attempt(action: () => Promise<string>): Promise<string> {
  try {
    return await action();
  } catch (error) {
    return (error as Error).name === "AbortError" ? "TIMEOUT" : ((error as NodeJS.ErrnoException).code ?? String(error));
  }
}

async function greet(): Promise<string> {
  const socket = await dial(first, Number(second), third === "" ? undefined : third);
  const [data] = (await once(socket, "data", { signal: AbortSignal.timeout(timeoutMs) })) as [Buffer];
  return data.toString().trim();
}

async function bulk(endsFirst: boolean): Promise<string> {
  const socket = await dial(first, Number(second));
  await once(socket, "data", { signal: AbortSignal.timeout(timeoutMs) });
  const payload = Buffer.alloc(Number(third), "x");
  if (endsFirst) socket.end(payload);
  else socket.write(payload);
  let received = 0;
  for await (const chunk of socket) {
    received += (chunk as Buffer).length;
    if (!endsFirst && received >= payload.length) break;
  }
  return String(received);
}

async function dnsOverUdp(): Promise<string> {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
  resolver.setServers([second]);
  return (await resolver.resolve4("name.test")).join(" ");
}

async function dnsOverTcp(): Promise<string> {
  const question = Buffer.concat([
    Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    Buffer.from("\x04name\x04test\0"),
    Buffer.from([0, 1, 0, 1]),
  ]);
  const socket = await dial(second, 53);
  socket.write(Buffer.concat([Buffer.from([0, question.length]), question]));
  const [data] = (await once(socket, "data", { signal: AbortSignal.timeout(timeoutMs) })) as [Buffer];
  return [...data.subarray(-4)].join(".");
}

async function fail(): Promise<string> {
  throw new Error(`no probe ${what}`);
}

async function dial(host: string, port: number, localAddress?: string): Promise<Socket> {
  const socket = connect({ host, port, ...(localAddress === undefined ? {} : { localAddress }) });
  await once(socket, "connect", { signal: AbortSignal.timeout(timeoutMs) });
  return socket;
}
