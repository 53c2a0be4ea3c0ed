import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { test } from "node:test";
import { BangerError, type PortMapping } from "@banger/api";
import { poll } from "@banger/host";
import { ForwardSet, type ForwardDeps } from "./forwards.ts";

const anyPort = (guestPort = 80): PortMapping => ({ hostAddress: "127.0.0.1", hostPort: 0, guestPort });

/** A "guest": a TCP server in this process, dialled over a real socket. */
async function guestServer(onConnection: (socket: Socket) => void) {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const dials: string[] = [];
  const dial: ForwardDeps["dial"] = async (vmId, address, signal) => {
    dials.push(`${vmId} ${address}`);
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect", { signal });
    return socket;
  };
  return { dial, dials, [Symbol.dispose]: () => void server.close() };
}

function forwardSet(dial: ForwardDeps["dial"]) {
  const failures: unknown[] = [];
  return {
    forwards: new ForwardSet({
      dial,
      describe: (vmId) => ({ name: `name-of-${vmId}`, status: "running" }),
      reportFailure: (_vm, _mapping, error) => failures.push(error),
    }),
    failures,
  };
}

async function client(mapping: PortMapping): Promise<Socket> {
  const socket = connect({ host: mapping.hostAddress, port: mapping.hostPort, allowHalfOpen: true });
  await once(socket, "connect");
  return socket;
}

async function codeOf(promise: Promise<unknown>): Promise<BangerError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof BangerError) return error;
    throw error;
  }
  throw new Error("expected a failure");
}

test("a connection reaches the guest's loopback and half-close is kept both ways", async () => {
  using guest = await guestServer((socket) => void text(socket).then((all) => socket.end(`got ${all}`)));
  await using forwards = forwardSet(guest.dial).forwards;
  const mapping = await forwards.open("vm1", anyPort(8080));
  assert.ok(mapping.hostPort > 0);
  const socket = await client(mapping);
  // The answer comes only after our end, so an end that closed both ways would lose it.
  socket.end("hello");
  assert.equal(await text(socket), "got hello");
  assert.deepEqual(guest.dials, ["vm1 127.0.0.1:8080"]);
});

test("a guest that ends first still receives what the client sends", async () => {
  const received = Promise.withResolvers<string>();
  using guest = await guestServer((socket) => {
    socket.end("bye");
    void text(socket).then(received.resolve, received.reject);
  });
  await using forwards = forwardSet(guest.dial).forwards;
  const socket = await client(await forwards.open("vm1", anyPort()));
  assert.equal(await text(socket), "bye");
  socket.end("late words");
  assert.equal(await received.promise, "late words");
});

test("many bytes both ways arrive whole", async () => {
  const payload = Buffer.alloc(4 * 1024 * 1024, "0123456789abcdef");
  using guest = await guestServer((socket) => void socket.pipe(socket));
  await using forwards = forwardSet(guest.dial).forwards;
  const socket = await client(await forwards.open("vm1", anyPort()));
  socket.end(payload);
  assert.ok((await buffer(socket)).equals(payload));
});

test("a client that does not read holds the guest back", async () => {
  let written = 0;
  const chunk = Buffer.alloc(64 * 1024);
  const guest = () =>
    new Duplex({
      read() {
        written += chunk.length;
        this.push(chunk);
      },
      write: (_chunk, _encoding, done) => done(),
    });
  await using forwards = forwardSet(async () => guest()).forwards;
  const socket = await client(await forwards.open("vm1", anyPort()));
  socket.pause();
  let before = -1;
  const settled = await poll(
    () => {
      const same = written > 0 && written === before;
      before = written;
      return same ? true : undefined;
    },
    { timeoutMs: 10_000, intervalMs: 200 },
  );
  assert.equal(settled, true, "the guest is read without end");
  assert.ok(written < 64 * 1024 * 1024, `${written} bytes were buffered`);
  socket.destroy();
});

test("a dial that fails resets the client's connection and is reported", async () => {
  const { forwards, failures } = forwardSet(async () => {
    throw new BangerError("guest.unreachable", "connection refused");
  });
  await using _ = forwards;
  const { hostAddress, hostPort } = await forwards.open("vm1", anyPort());
  const socket = connect(hostPort, hostAddress);
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNRESET");
  assert.equal((failures[0] as BangerError).code, "guest.unreachable");
});

test("a guest connection cut short resets the client instead of ending it", async () => {
  const guest = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  await using forwards = forwardSet(async () => guest).forwards;
  const socket = await client(await forwards.open("vm1", anyPort()));
  guest.push("half an ans");
  await once(socket, "data");
  guest.destroy(new Error("the VM was killed"));
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNRESET");
});

test("a client that vanishes ends the guest's connection", async () => {
  const guest = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  await using forwards = forwardSet(async () => guest).forwards;
  const socket = await client(await forwards.open("vm1", anyPort()));
  socket.write("x");
  socket.resetAndDestroy();
  await once(guest, "close");
});

test("a port taken by another process is refused with who holds it", async () => {
  const squatter = createServer().listen(0, "127.0.0.1");
  await once(squatter, "listening");
  const { port } = squatter.address() as AddressInfo;
  await using forwards = forwardSet(async () => assert.fail()).forwards;
  const error = await codeOf(forwards.open("vm1", { ...anyPort(), hostPort: port }));
  assert.equal(error.code, "network.port_in_use");
  assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port} is in use by .*\\(process ${process.pid}\\)`));
  assert.match(error.hint ?? "", /0:80/);
  assert.deepEqual(forwards.list("vm1"), []);
  squatter.close();
});

test("a port taken by another VM names that VM, also through 0.0.0.0", async () => {
  await using forwards = forwardSet(async () => assert.fail()).forwards;
  const mapping = await forwards.open("vm1", anyPort());
  for (const hostAddress of ["127.0.0.1", "0.0.0.0"]) {
    const error = await codeOf(forwards.open("vm2", { ...mapping, hostAddress }));
    assert.equal(error.code, "network.port_in_use");
    assert.equal(error.message, `port ${hostAddress}:${mapping.hostPort} is in use by VM name-of-vm1`);
    assert.match(error.hint ?? "", /^banger vm forward name-of-vm1 \d+:80 --remove, or banger vm forward name-of-vm2 \S*0:80 /);
  }
  assert.deepEqual(await forwards.open("vm1", mapping), mapping, "the same again is no error");
});

test("an address that is not the host's is refused", async () => {
  await using forwards = forwardSet(async () => assert.fail()).forwards;
  const error = await codeOf(forwards.open("vm1", { ...anyPort(), hostAddress: "198.51.100.77" }));
  assert.equal(error.code, "network.setup_failed");
  assert.match(error.message, /198\.51\.100\.77 is not an address of this host/);
});

const mayOpenAny = process.getuid?.() === 0 || Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8")) <= 1;

test("a port kept for root is refused with ways out", { skip: mayOpenAny ? "this user may open every port" : false }, async () => {
  await using forwards = forwardSet(async () => assert.fail()).forwards;
  const error = await codeOf(forwards.open("vm1", { ...anyPort(), hostPort: 1 }));
  assert.equal(error.code, "network.setup_failed");
  assert.match(error.message, /127\.0\.0\.1:1 may be opened by root only/);
  assert.match(error.hint ?? "", /ip_unprivileged_port_start=1/);
});

test("closing a VM's forwards frees its ports, ends its connections and spares other VMs", async () => {
  using guest = await guestServer((socket) => void socket.pipe(socket));
  await using forwards = forwardSet(guest.dial).forwards;
  const mine = await forwards.open("vm1", anyPort());
  const other = await forwards.open("vm2", anyPort());
  const socket = await client(mine);
  socket.write("x");
  await once(socket, "data");
  const ended = once(socket, "error");
  await forwards.closeVm("vm1");
  await ended;
  assert.deepEqual(forwards.list("vm1"), []);
  const again = await forwards.open("vm3", mine);
  assert.equal(again.hostPort, mine.hostPort);
  const spared = await client(other);
  spared.end("still here");
  assert.equal(await text(spared), "still here");
});
