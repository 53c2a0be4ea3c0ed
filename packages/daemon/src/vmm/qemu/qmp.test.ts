import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseQmp, QmpClient } from "./qmp.ts";

const GREETING = '{"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": ["oob"]}}\r\n';
const soon = () => AbortSignal.timeout(2000);

async function withMonitor(serve: (socket: Socket) => void, body: (path: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "banger-qmp-"));
  const path = join(directory, "qmp.sock");
  const server = createServer(serve).listen(path);
  await once(server, "listening");
  try {
    await body(path);
  } finally {
    server.close();
    await rm(directory, { recursive: true, force: true });
  }
}

describe("QMP", () => {
  it("greets, answers in order and passes events over", async () => {
    const serve = (socket: Socket) => {
      socket.write(GREETING);
      socket.on("data", (data) => {
        const command = (JSON.parse(String(data)) as { execute: string }).execute;
        const answer =
          command === "nonsense"
            ? '{"error": {"class": "CommandNotFound", "desc": "no such command"}}'
            : `{"return": {"ran": "${command}"}}`;
        socket.write('{"timestamp": {}, "event": "RESUME"}\r\n');
        // In two pieces: a line is not a chunk.
        socket.write(answer.slice(0, 7));
        setImmediate(() => socket.write(`${answer.slice(7)}\r\n`));
      });
    };
    await withMonitor(serve, async (path) => {
      const events: string[] = [];
      using client = await QmpClient.connect(path, soon(), (name) => events.push(name));
      assert.deepEqual(await client.execute("query-status", soon()), { ran: "query-status" });
      await assert.rejects(client.execute("nonsense", soon()), /no such command/);
      assert.deepEqual(await client.execute("quit", soon()), { ran: "quit" });
      assert.deepEqual(new Set(events), new Set(["RESUME"]));
    });
  });

  it("fails when the greeting does not come, or the line never ends", async () => {
    await withMonitor(
      (socket) => void socket.on("error", () => undefined),
      (path) => assert.rejects(QmpClient.connect(path, AbortSignal.timeout(50)), { name: "TimeoutError" }),
    );
    await withMonitor(
      (socket) => void socket.end(),
      (path) => assert.rejects(QmpClient.connect(path, soon()), /closed its monitor/),
    );
    const flood = (socket: Socket) => void socket.on("error", () => undefined).write("x".repeat(300_000));
    await withMonitor(flood, (path) => assert.rejects(QmpClient.connect(path, soon()), /a line of more than/));
  });

  it("takes no line for an answer that is none", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => void parseQmp(line)));
    assert.equal(parseQmp("[]").type, "error");
    assert.equal(parseQmp('{"error": null}').type, "error");
  });
});
