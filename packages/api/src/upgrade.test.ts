// Connections that are handed over, and answers that hand none over.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { text } from "node:stream/consumers";
import { upgrade } from "./upgrade.ts";

interface Listening extends AsyncDisposable {
  readonly socketPath: string;
  /** What was asked, up to the empty line. */
  readonly asked: Promise<string>;
}

async function listen(answer: (socket: Socket) => unknown): Promise<Listening> {
  const scratch = await mkdtempDisposable(join(tmpdir(), "banger-upgrade-"));
  const socketPath = join(scratch.path, "s");
  const asked = Promise.withResolvers<string>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket
      .on("error", () => undefined)
      .once("data", (head) => {
        socket.pause();
        asked.resolve(head.toString());
        void answer(socket);
      });
  });
  await once(server.listen(socketPath), "listening");
  const close = async () => {
    server.close();
    await scratch.remove();
  };
  return { socketPath, asked: asked.promise, [Symbol.asyncDispose]: close };
}

const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: banger-stream\r\n\r\n";
const ask = (socketPath: string, signal?: AbortSignal) => upgrade({ socketPath, method: "GET", url: "/v1/x?a=b", signal });

test("what comes with the answer and after it is the caller's, and a half-closed connection goes on", async () => {
  await using there = await listen(async (socket) => {
    for (const byte of `${SWITCHED}fir`) {
      socket.write(byte);
      await nextTurn();
    }
    socket.write("st ");
    socket.end(`${await text(socket)}, last`);
  });
  const stream = await ask(there.socketPath);
  assert.equal(await there.asked, "GET /v1/x?a=b HTTP/1.1\r\nhost: banger\r\nconnection: Upgrade\r\nupgrade: banger-stream\r\n\r\n");
  stream.end("sent");
  assert.equal(await text(stream), "first sent, last");
});

test("a refusal is the daemon's error, also of one that keeps the connection", async () => {
  const body = '{"code":"vm.not_running","message":"web is not running"}';
  const refusal = `HTTP/1.1 409 Error\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  for (const answer of [(socket: Socket) => socket.end(refusal), (socket: Socket) => socket.write(refusal)]) {
    await using there = await listen(answer);
    await assert.rejects(ask(there.socketPath), { code: "vm.not_running", message: "web is not running" });
  }
});

test("what is no upgrade is told as that", async () => {
  const cases = [
    ["HTTP/1.1 200 OK\r\n\r\n{}", /x\?a=b did not upgrade the connection/],
    ["SSH-2.0-OpenSSH\r\n", /is no banger daemon: it does not speak HTTP/],
    ["HTTP/1.1 409 Error\r\ncontent-length: 9\r\n\r\n{", /ended the answer before its result/],
    ["", /no daemon answers .* \(ECONNRESET\)/],
  ] as const;
  for (const [answer, message] of cases) {
    await using there = await listen((socket) => socket.end(answer));
    await assert.rejects(ask(there.socketPath), { code: "daemon.unreachable", message });
  }
  await assert.rejects(ask("/nonexistent/s"), { code: "daemon.unreachable", message: /ENOENT/ });
  await assert.rejects(ask(`/nonexistent/${"x".repeat(120)}/s`), { code: "daemon.unreachable", message: /ENOENT/ });
});

test("an upgrade that is not answered ends with the signal", async () => {
  await using mute = await listen(() => undefined);
  const abort = new AbortController();
  const asked = ask(mute.socketPath, abort.signal);
  await mute.asked;
  abort.abort();
  await assert.rejects(asked, { code: "operation.cancelled" });
  await assert.rejects(ask(mute.socketPath, AbortSignal.abort()), { code: "operation.cancelled" });
});
