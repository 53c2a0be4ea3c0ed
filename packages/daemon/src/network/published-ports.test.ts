// A port is published by its address and number: the same number on another address is another port.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import type { PortMapping } from "@banger/api";
import { ForwardSet } from "./forwards.ts";
import { PublishedPorts } from "./published-ports.ts";

function portsOfVms() {
  const forwards = new ForwardSet({
    // A guest that never answers: connections stay until they are closed.
    dial: () => new Promise<never>(() => {}),
    describe: (vmId) => ({ name: vmId, status: "running" }),
    reportFailure: () => {},
  });
  return { ports: new PublishedPorts(forwards), forwards, [Symbol.asyncDispose]: () => forwards[Symbol.asyncDispose]() };
}

async function isOpen({ hostAddress: host, hostPort: port }: PortMapping): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ECONNREFUSED") return false;
    throw error;
  } finally {
    socket.destroy();
  }
}

const onPort = (hostPort: number, hostAddress = "127.0.0.1"): PortMapping => ({ hostAddress, hostPort, guestPort: 80 });

test("one address of a port is closed, the other stays", async () => {
  await using made = portsOfVms();
  const [first = onPort(0)] = await made.ports.open("vm", [onPort(0)]);
  const second = onPort(first.hostPort, "127.0.0.2");
  await made.ports.open("vm", [second]);
  await made.ports.close("vm", first);
  assert.deepEqual([await isOpen(first), await isOpen(second)], [false, true]);
  await made.ports.close("other", second);
  assert.equal(await isOpen(second), true);
});

test("a list that cannot be opened leaves what was open, and no more", async () => {
  await using made = portsOfVms();
  const [first = onPort(0), taken = onPort(0)] = await made.ports.open("vm", [onPort(0), onPort(0)]);
  const second = onPort(first.hostPort, "127.0.0.2");
  const conflict = { ...taken, guestPort: 81 };
  await assert.rejects(made.ports.open("vm", [first, second, conflict]), { code: "network.port_in_use" });
  assert.deepEqual([await isOpen(first), await isOpen(second)], [true, false]);
  assert.deepEqual(made.forwards.list("vm"), [first, taken]);
});
