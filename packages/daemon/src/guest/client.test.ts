// The client against the fake agent, over each kind of channel and transport.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { duplexPair, type Duplex } from "node:stream";
import { FakeAgent } from "../../../testkit/src/fake-agent.ts";
import { connectGuest } from "./client.ts";
import { guestClientContract, type GuestUnderTest } from "./contract-suite.ts";
import type { GuestConfiguration } from "./contract.ts";

type Kind = "serial" | "vsock";

/** `pair`: both ends in this process; `socket`: a Unix socket, which node:http2 reads natively. */
async function fakeGuest(kind: Kind, transport: "pair" | "socket"): Promise<GuestUnderTest> {
  const rootDir = await mkdtemp(join(tmpdir(), "banger-guest-"));
  const bulkDisk = join(rootDir, "bulk.raw");
  // As with VMMs: those with a serial port have one.
  if (kind === "serial") await writeFile(bulkDisk, "");
  const agent = new FakeAgent({ rootDir, bulkDisk, env: { PATH: process.env["PATH"] } });
  await agent.configure({ hostname: "sandbox" } as GuestConfiguration);
  const serve = (channel: Duplex) => (kind === "serial" ? agent.serveSerial(channel) : agent.serve(channel));
  const path = join(rootDir, "agent.sock");
  const server = createServer({ allowHalfOpen: true }, serve);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("data", (data) => socket.write(data)).on("end", () => socket.end("bye"));
  });
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
  let latest: Duplex | undefined;
  const open = async (): Promise<Duplex> => {
    if (transport === "socket") latest = await connected(connect({ path, allowHalfOpen: true }));
    else {
      const [host, guest] = duplexPair();
      serve(guest);
      latest = host;
    }
    return latest;
  };
  return {
    connect: () => connectGuest({ kind, open, bulkDisk, signal: AbortSignal.timeout(20_000), timeoutMs: 10_000 }),
    cut: () => latest?.destroy(),
    echoServer: async () => `127.0.0.1:${(echo.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      await agent[Symbol.asyncDispose]();
      echo.close();
      server.close();
      await rm(rootDir, { recursive: true, force: true });
    },
  };
}

async function connected(socket: Socket): Promise<Socket> {
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return socket;
}

for (const kind of ["serial", "vsock"] as const) {
  for (const transport of ["pair", "socket"] as const) {
    guestClientContract(`the fake agent, ${kind} over a ${transport}`, () => fakeGuest(kind, transport), { hasTerminals: false });
  }
}
