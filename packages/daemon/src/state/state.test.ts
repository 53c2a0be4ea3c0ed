import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, test } from "node:test";
import { parseVmName, type BangerError } from "@banger/api";
import { acquireDaemonLock, openState } from "./database.ts";
import { Journal } from "./journal.ts";
import type { Space } from "./reserve.ts";
import type { VmRecord } from "./vm-record.ts";
import { VmRecords } from "./vm-records.ts";

/** No disk here is full. */
const DIRECT: Space = { spare: (write) => write(), spend: (write) => write() };
const open = (dataDir: string) => openState(dataDir, DIRECT);

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "banger-state-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function record(name: string, address: string | null = null): VmRecord {
  return {
    id: Buffer.from(name.padEnd(8)).toString("hex").slice(0, 16),
    name: parseVmName(name),
    status: "creating",
    stopReason: null,
    image: "debian-bookworm",
    imageDigest: "sha256:0",
    vcpu: 1,
    memoryMib: 512,
    diskBytes: 1 << 30,
    egress: "full",
    wantedDriver: null,
    driver: "qemu",
    accelerator: null,
    address,
    forwards: [],
    authorizedKeys: [],
    gitIdentity: null,
    consoleStart: 0,
    sshHostKey: "",
    leased: false,
    networkLost: false,
    bootId: null,
    createdAt: "2026-01-01T00:00:00Z",
    startedAt: null,
    reboots: [],
    unreadyReboots: 0,
    workspaces: [],
  };
}

describe("state", () => {
  test("records survive reopening and a taken name leaves no second row", () => {
    const first = new VmRecords(open(directory), DIRECT);
    first.insert(() => record("one", "172.16.0.2"));
    assert.throws(
      () => first.insert(() => record("one")),
      (error: BangerError) => error.code === "vm.name_taken",
    );
    const again = new VmRecords(open(directory), DIRECT);
    assert.deepEqual(
      again.list().map((vm) => vm.name),
      ["one"],
    );
    again.insert((used) => {
      assert.deepEqual([...used], ["172.16.0.2"]);
      return record("two");
    });
    assert.equal(again.update(record("two").id, { status: "running" }).status, "running");
    assert.throws(
      () => again.byName("three"),
      (error: BangerError) => error.code === "vm.not_found",
    );
    assert.throws(() => again.byName("tow"), { message: 'no VM is called "tow". Did you mean "two"?' });
    assert.throws(() => again.byName("elsewhere"), { message: 'no VM is called "elsewhere"' });
  });

  test("a build that throws leaves no row and the database usable", () => {
    const records = new VmRecords(open(directory), DIRECT);
    assert.throws(
      () =>
        records.insert(() => {
          throw new Error("no address left");
        }),
      /no address left/,
    );
    assert.deepEqual(records.list(), []);
    records.insert(() => record("one"));
  });

  test("a state written by a newer banger is refused", () => {
    open(directory).close();
    const database = new DatabaseSync(join(directory, "state.db"));
    database.exec("PRAGMA user_version = 99");
    database.close();
    assert.throws(
      () => open(directory),
      (error: BangerError) => error.code === "state.too_new",
    );
  });

  test("a damaged state is named as what it is", async () => {
    await writeFile(join(directory, "state.db"), "this is no database, and longer than a header would be ".repeat(20));
    assert.throws(
      () => open(directory),
      (error: BangerError) => error.code === "state.corrupt",
    );
  });

  test("every connection is durable: WAL and synchronous FULL", () => {
    const database = open(directory);
    assert.equal(database.prepare("PRAGMA synchronous").get()?.["synchronous"], 2);
    assert.equal(database.prepare("PRAGMA journal_mode").get()?.["journal_mode"], "wal");
  });

  test("the journal keeps the intent when making fails and the resource when undoing fails", async () => {
    const journal = new Journal(open(directory), DIRECT);
    await assert.rejects(
      journal.acquire("a", "network", () => Promise.reject(new Error("no tap"))),
      /no tap/,
    );
    assert.equal(journal.of("a").get("network")?.state, "intended");
    await journal.acquire("a", "network", () => Promise.resolve({ tap: "t0" }));
    assert.deepEqual(journal.of("a").get("network")?.detail, { tap: "t0" });
    await assert.rejects(
      journal.release("a", "network", () => Promise.reject(new Error("busy"))),
      /busy/,
    );
    assert.deepEqual(journal.holders(), ["a"]);
    await journal.release("a", "network", () => Promise.resolve());
    assert.deepEqual(journal.holders(), []);
  });

  test("the daemon lock is exclusive between processes and freed by kill -9", async () => {
    const script = `const { acquireDaemonLock } = await import(${JSON.stringify(import.meta.resolve("./database.ts"))});
      globalThis.kept = acquireDaemonLock(${JSON.stringify(directory)}); console.log(globalThis.kept ? "held" : "refused"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(child.stdout, "data");
    assert.equal(String(line).trim(), "held");
    assert.equal(acquireDaemonLock(directory), undefined);
    child.kill("SIGKILL");
    await once(child, "exit");
    using lock = acquireDaemonLock(directory);
    assert.notEqual(lock, undefined);
  });
});
