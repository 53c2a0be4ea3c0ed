// A daemon that dies while it answers is told as such.
import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { BangerError } from "./errors.ts";
import { routes } from "./routes.ts";
import { createStreams } from "./streams.ts";

test("an answer that breaks off is the daemon's end, not a bug", async () => {
  await using scratch = await mkdtempDisposable(join(tmpdir(), "banger-streams-"));
  const socketPath = join(scratch.path, "bangerd.sock");
  await using server = createServer((request, response) => {
    request.resume();
    response.write('{"type":"stage.started","stage":"packages","atMs":0}\n', () => response.socket?.destroy());
  });
  await once(server.listen(socketPath), "listening");
  const streams = createStreams(socketPath);
  const isCut = (error: unknown) =>
    error instanceof BangerError && error.code === "daemon.unreachable" && /ended the answer/.test(error.message);
  const stages: string[] = [];
  const pulling = streams.progress(routes.imagePull, { params: { name: "debian" } }, { onEvent: (event) => void stages.push(event.type) });
  await assert.rejects(pulling, isCut);
  assert.deepEqual(stages, ["stage.started"]);
  await assert.rejects(
    streams.upload(routes.vmFilesPut, { params: { name: "web" } }, { source: Readable.from([Buffer.from("tar")]) }),
    isCut,
  );
});

test("an upload that is refused early is answered, in a connection that stays open for what is still being sent", async () => {
  await using scratch = await mkdtempDisposable(join(tmpdir(), "banger-streams-"));
  const socketPath = join(scratch.path, "bangerd.sock");
  const connections: (string | undefined)[] = [];
  await using server = createServer((request, response) => {
    connections.push(request.headers.connection);
    request.once("data", () => {
      response.writeHead(507, { "content-type": "application/json" });
      response.end(JSON.stringify(new BangerError("guest.disk_full", "full").toBody()));
    });
  });
  await once(server.listen(socketPath), "listening");
  const endless = new Readable({ read: (size) => void endless.push(Buffer.alloc(size)) });
  await assert.rejects(createStreams(socketPath).upload(routes.vmFilesPut, { params: { name: "web" } }, { source: endless }), {
    code: "guest.disk_full",
  });
  assert.deepEqual(connections, ["keep-alive"]);
  if (!endless.destroyed) await once(endless, "error");
});

test("an upload is given up when its caller says so, also while all that is left is the answer", async () => {
  await using scratch = await mkdtempDisposable(join(tmpdir(), "banger-streams-"));
  const socketPath = join(scratch.path, "bangerd.sock");
  const controller = new AbortController();
  const hungUp = Promise.withResolvers<void>();
  await using server = createServer((request, response) => {
    response.once("close", () => hungUp.resolve());
    request.resume().once("end", () => controller.abort());
  });
  await once(server.listen(socketPath), "listening");
  const source = Readable.from([Buffer.from("tar")]);
  const { signal } = controller;
  await assert.rejects(createStreams(socketPath).upload(routes.vmFilesPut, { params: { name: "web" } }, { source, signal }), {
    code: "operation.cancelled",
  });
  await hungUp.promise;
});
