// One request, one answer: what comes of answers that are cut, foreign or never come.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createClient } from "./client.ts";
import { exchange } from "./exchange.ts";
import { routes } from "./routes.ts";

interface Listening extends AsyncDisposable {
  readonly socketPath: string;
}

async function listen(server: Server): Promise<Listening> {
  const scratch = await mkdtempDisposable(join(tmpdir(), "banger-exchange-"));
  const socketPath = join(scratch.path, "s");
  server.listen(socketPath);
  await once(server, "listening");
  return {
    socketPath,
    async [Symbol.asyncDispose]() {
      server.close();
      await scratch.remove();
    },
  };
}

/** Answers every connection with `text` once something was asked. */
const answering = (text: string) =>
  listen(createServer((socket) => socket.on("error", () => undefined).once("data", () => socket.end(text))));

const get = (socketPath: string) => exchange({ socketPath, method: "GET", url: "/v1/vms" });

test("a body goes there and back, whatever its characters", async () => {
  const server = createHttpServer((request, response) => {
    response.setHeader("Banger-Version", "1.2.3");
    response.statusCode = 409;
    request.pipe(response);
  });
  await using there = await listen(server);
  const body = { text: "ä\r\n\r\n€", long: "x".repeat(200_000) };
  const answer = await exchange({ socketPath: there.socketPath, method: "POST", url: "/v1/vms?a=b", body });
  assert.deepEqual({ ...answer, body: JSON.parse(answer.body) }, { status: 409, daemonVersion: "1.2.3", body });
});

test("an answer of known length is not waited for longer", async () => {
  const text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
  await using open = await listen(createServer((socket) => socket.on("error", () => undefined).once("data", () => socket.write(text))));
  assert.equal((await get(open.socketPath)).body, "{}");
});

test("an answer that is cut short, or none, is told as such", async () => {
  await using cut = await answering("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n[]");
  await assert.rejects(get(cut.socketPath), { code: "daemon.unreachable", message: /ended the answer before its result/ });
  await using silent = await answering("");
  await assert.rejects(get(silent.socketPath), { code: "daemon.unreachable", message: /no daemon answers .* \(ECONNRESET\)/ });
  await assert.rejects(get("/nonexistent/s"), { code: "daemon.unreachable", message: /ENOENT/ });
  await assert.rejects(get(`/nonexistent/${"x".repeat(120)}/s`), { code: "daemon.unreachable", message: /ENOENT/ });
});

test("what is no banger daemon is called that", async () => {
  const cases = [
    ["SSH-2.0-OpenSSH\r\n", "it does not speak HTTP"],
    ["HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\n\r\n<h1>404</h1>", "it answered 404"],
    ['HTTP/1.1 500 Oops\r\n\r\n{"error":"oops"}', "it answered 500"],
    ["HTTP/1.1 200 OK\r\n\r\n<h1>Welcome</h1>", "what it answered is no JSON"],
  ] as const;
  for (const [text, why] of cases) {
    await using other = await answering(text);
    await assert.rejects(createClient(other.socketPath).call(routes.ping, {}), {
      code: "daemon.unreachable",
      message: `what listens at ${other.socketPath} is no banger daemon: ${why}`,
      hint: /ss -xlp/,
    });
  }
});

test("an answer that does not come ends with the time or the signal", async () => {
  await using mute = await listen(createServer((socket) => socket.on("error", () => undefined)));
  const ask = { socketPath: mute.socketPath, method: "GET", url: "/" };
  await assert.rejects(exchange({ ...ask, timeoutMs: 20 }), { message: `what listens at ${mute.socketPath} has not answered in 0.02 s` });
  const abort = new AbortController();
  const asked = exchange({ ...ask, signal: abort.signal });
  abort.abort();
  await assert.rejects(asked, { code: "operation.cancelled" });
  await assert.rejects(exchange({ ...ask, signal: AbortSignal.abort() }), { code: "operation.cancelled" });
});

test("a daemon of another version is not taken at its word", async () => {
  const answer = (version: string) => answering(`HTTP/1.1 200 OK\r\nbanger-version: ${version}\r\n\r\n[{"name":7}]`);
  await using older = await answer("0.0.1");
  await assert.rejects(createClient(older.socketPath).call(routes.vmList, {}), { name: /Zod/ });
});
