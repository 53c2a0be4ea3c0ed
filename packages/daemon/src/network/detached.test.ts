import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { identifyProcess, isProcessAlive, poll } from "@banger/host";
import { endProcesses, findMarked, markerOf, startDetached } from "./detached.ts";
import { pastaArguments } from "./pasta.ts";
import type { Programs } from "./programs.ts";
import { readRecord, writeRecord } from "./record.ts";

const uid = process.getuid?.() ?? -1;

async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "banger-detached-"));
  try {
    await body(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("a marker is a number below one, of its own for each data directory", () => {
  assert.match(markerOf("/a"), /^0\.\d{20}$/);
  assert.notEqual(markerOf("/a"), markerOf("/b"));
  assert.equal(markerOf("/a"), markerOf("/a"));
});

test("a detached process has its own session, sits at the root, and is found by its marker until it is ended", () =>
  withDirectory(async (directory) => {
    const marker = markerOf(directory);
    const { identity } = await startDetached({
      argv: ["sleep", "infinity", marker],
      logFile: join(directory, "log"),
      onExit: () => undefined,
    });
    const stat = await readFile(`/proc/${identity.pid}/stat`, "utf8");
    assert.equal(Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]), identity.pid, "session leader");
    assert.deepEqual(await findMarked(marker, uid), [identity]);
    assert.deepEqual(await findMarked(marker, uid + 1), [], "of that user only");
    await endProcesses([identity]);
    assert.equal(isProcessAlive(identity), false);
    assert.deepEqual(await findMarked(marker, uid), []);
    await endProcesses([identity]);
  }));

test("its last words are its own, and the log does not grow for ever", () =>
  withDirectory(async (directory) => {
    const logFile = join(directory, "log");
    await writeFile(logFile, "x".repeat(70_000));
    const ended = Promise.withResolvers<void>();
    const { identity, lastWords } = await startDetached({
      argv: ["tail", "--follow=name", "--retry", "/nowhere-at-all"],
      logFile,
      onExit: () => ended.resolve(),
    });
    assert.ok(await poll(async () => (/nowhere-at-all/.test(await lastWords()) ? true : undefined), { timeoutMs: 10_000 }));
    await endProcesses([identity]);
    await ended.promise;
    assert.ok((await readFile(logFile)).length < 1000);
  }));

test("a program that is not there is an error", () =>
  withDirectory(async (directory) => {
    await assert.rejects(startDetached({ argv: ["/no/such/program"], logFile: join(directory, "log"), onExit: () => undefined }), {
      code: "ENOENT",
    });
  }));

test("a record comes back whole; a broken one, or one of another boot, counts as none", () =>
  withDirectory(async (directory) => {
    const path = join(directory, "record.json");
    const self = identifyProcess(process.pid) ?? assert.fail();
    assert.equal(await readRecord(path), undefined);
    await writeRecord(path, { anchor: self, pasta: { process: self, takesDns: true } });
    const read = await readRecord(path);
    assert.deepEqual([read?.anchor, read?.pasta], [self, { process: self, takesDns: true }]);
    await writeRecord(path, { anchor: { ...self, bootId: "another" }, pasta: null });
    assert.equal(await readRecord(path), undefined);
    await writeFile(path, '{"version":1,');
    assert.equal(await readRecord(path), undefined);
    await writeFile(path, '{"version":1,"anchor":{"pid":-1}}');
    assert.equal(await readRecord(path), undefined);
    await writeRecord(path, null);
    await writeRecord(path, null);
    assert.equal(await readRecord(path), undefined);
  }));

test("pasta opens no port either way, maps no host loopback, and takes DNS only for a stub", () => {
  const common = { programs: { pasta: "/usr/bin/pasta" } as Programs, anchorPid: 42, marker: "0.1", hasDnsHost: false };
  const direct = pastaArguments({ ...common, dns: { kind: "direct", server: "192.0.2.1" } });
  const text = direct.join(" ");
  for (const part of [
    "--no-map-gw",
    "--tcp-ports none",
    "--udp-ports none",
    "--tcp-ns none",
    "--udp-ns none",
    "--ipv4-only",
    "--search 0.1 42",
  ])
    assert.ok(text.includes(part), part);
  assert.ok(!text.includes("--dns-forward"));
  const stub = { kind: "stub", server: "127.0.0.53", upstream: null } as const;
  assert.match(pastaArguments({ ...common, dns: stub }).join(" "), /--dns-forward 169\.254\.1\.1 --search/);
  assert.match(
    pastaArguments({ ...common, dns: stub, hasDnsHost: true }).join(" "),
    /--dns-forward 169\.254\.1\.1 --dns-host 127\.0\.0\.53 --search/,
  );
});
