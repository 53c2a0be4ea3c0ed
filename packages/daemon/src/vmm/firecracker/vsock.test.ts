import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { connectVsock } from "./vsock.ts";

async function withVsock(serve: (socket: Socket) => void, body: (path: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "banger-vsock-"));
  const path = join(directory, "vsock.sock");
  const server = createServer({ allowHalfOpen: true }, (socket) => serve(socket.on("error", () => undefined))).listen(path);
  await once(server, "listening");
  try {
    await body(path);
  } finally {
    server.close();
    await rm(directory, { recursive: true, force: true });
  }
}

const soon = () => AbortSignal.timeout(2000);

it("asks for the port, and leaves what follows the answer in the stream", async () => {
  const asked: string[] = [];
  const serve = (socket: Socket) => {
    socket.once("data", (data) => {
      asked.push(String(data));
      socket.write("OK 10");
      setImmediate(() => socket.end("73741824\nfirst bytes"));
    });
  };
  await withVsock(serve, async (path) => {
    const stream = await connectVsock(path, 1024, soon());
    assert.equal(Buffer.concat((await stream.toArray()) as Buffer[]).toString(), "first bytes");
    stream.destroy();
  });
  assert.deepEqual(asked, ["CONNECT 1024\n"]);
});

it("fails when nothing listens there, when the answer is another, and when it never comes", async () => {
  await withVsock(
    (socket) => void socket.once("data", () => socket.destroy()),
    (path) => assert.rejects(connectVsock(path, 1, soon()), /nothing listens|ECONNRESET|closed/i),
  );
  await withVsock(
    (socket) => void socket.write("NO\n"),
    (path) => assert.rejects(connectVsock(path, 1, soon()), /unexpected answer/),
  );
  await withVsock(
    (socket) => void socket.write("x".repeat(5000)),
    (path) => assert.rejects(connectVsock(path, 1, soon()), /unexpected answer/),
  );
  await withVsock(
    () => undefined,
    (path) => assert.rejects(connectVsock(path, 1, AbortSignal.timeout(50)), { name: "TimeoutError" }),
  );
});
