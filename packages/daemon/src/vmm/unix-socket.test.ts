import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { shortSocketPath } from "@banger/api";
import { connectUnix } from "./unix-socket.ts";

const never = new AbortController().signal;
let directory = "";
let server: Server;

before(async () => {
  directory = join(await mkdtemp(join(tmpdir(), "banger-socket-")), "a-directory-name-that-is-long".repeat(5));
  await mkdir(directory);
  using short = shortSocketPath(join(directory, "s"));
  server = createServer((socket) => socket.end("hello")).listen(short.path);
  await once(server, "listening");
});

after(async () => {
  server.close();
  await rm(join(directory, ".."), { recursive: true, force: true });
});

it("connects, also by a path longer than the kernel takes", async () => {
  const socket = await connectUnix(join(directory, "s"), never);
  assert.equal(String(await socket.setEncoding("utf8").toArray()), "hello");
  socket.destroy();
});

it("refuses a symlink in the socket's place, and what is no socket", async () => {
  await symlink(join(directory, "s"), join(directory, "link"));
  await assert.rejects(connectUnix(join(directory, "link"), never), /not a socket/);
  await writeFile(join(directory, "file"), "");
  await assert.rejects(connectUnix(join(directory, "file"), never), /not a socket/);
  await assert.rejects(connectUnix(join(directory, "gone"), never), { code: "ENOENT" });
});

it("honours an abort", async () => {
  await assert.rejects(connectUnix(join(directory, "s"), AbortSignal.abort()), { name: "AbortError" });
});
