// What undoes runs to its end: a step that fails keeps no other from being done, and the next attempt finishes.
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, test } from "node:test";
import { BangerError } from "@banger/api";
import { lsTree, manifestOf } from "../workspaces/test-guest.ts";
import type { Step } from "./plan.ts";
import { TestDaemon } from "./test-daemon.ts";

const code = (wanted: string) => (error: unknown) => error instanceof BangerError && error.code === wanted;

describe("a step that fails", () => {
  let directory: string;
  let one: TestDaemon;
  const stop = () => one.run((operation) => one.service.stop("a", operation));
  const start = () => one.run((operation) => one.service.start("a", "agent", operation));
  const remove = () => one.run((operation) => one.service.delete("a", operation));
  const leftOvers = async () => ({
    rows: one.records.list().length,
    held: one.journal.holders(),
    directories: await readdir(join(directory, "vms")),
    taps: [...one.attached],
  });
  const NOTHING = { rows: 0, held: [], directories: [], taps: [] };
  /** A VM with changed work in it. */
  const withWork = async () => {
    const { id } = await one.create("a");
    const repo = join(directory, "vms", id, "fake-root/root/repo");
    mkdirSync(repo, { recursive: true });
    writeFileSync(join(repo, "one"), "1\n");
    const put = { path: "/root/repo", source: "/home/me/api", tree: "1".repeat(40), branch: "main" };
    await one.service.workspaces.put("a", put, Readable.from([lsTree(manifestOf(repo, ["one"]))]));
    appendFileSync(join(repo, "one"), "edited\n");
    return id;
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "banger-undo-"));
    await mkdir(join(directory, "vms"));
    await writeFile(join(directory, "file"), "x");
    one = new TestDaemon(directory);
  });
  afterEach(async () => {
    one.failing = {};
    await one.end();
    await rm(directory, { recursive: true, force: true });
  });

  for (const step of ["make-directory", "attach-network", "start-vmm", "configure-guest"] as const) {
    test(`after it was done, of a creation (${step}), leaves nothing`, async () => {
      one.failing = { [step]: "after" };
      await assert.rejects(one.create("a"), code("vmm.failed"));
      assert.deepEqual(await leftOvers(), NOTHING);
    });
  }

  for (const step of ["try-keep-changes", "shutdown-guest", "end-vmm", "detach-network"] as const) {
    test(`of a stop (${step}) keeps no other from being done, and the next finishes`, async () => {
      await withWork();
      one.ran.length = 0;
      one.failing = { [step]: "instead" };
      await assert.rejects(stop(), code("vmm.failed"));
      assert.deepEqual(one.ran, ["try-keep-changes", "shutdown-guest", "end-vmm", "detach-network"]);
      assert.equal((await one.service.show("a")).status, "stopped");
      one.failing = {};
      assert.equal((await stop()).status, "stopped");
      assert.equal(one.attached.size, 0);
      assert.deepEqual([...one.journal.of((await one.service.show("a")).id).keys()], ["directory"]);
      assert.equal((await start()).status, "running");
    });
  }

  const ABSENT: readonly Step[] = ["keep-changes", "condemn", "end-vmm", "detach-network", "retire-changes", "remove-directory", "forget"];
  const WITHOUT: Readonly<Partial<Record<Step, readonly Step[]>>> = {
    "keep-changes": ABSENT.slice(1),
    condemn: ABSENT.slice(2),
    "end-vmm": ["remove-directory", "forget"],
    "detach-network": ["forget"],
    "retire-changes": ["remove-directory", "forget"],
    "remove-directory": ["forget"],
  };
  for (const step of ABSENT) {
    test(`of a delete (${step}) keeps no other from being done that loses nothing, and the next finishes`, async () => {
      const id = await withWork();
      one.ran.length = 0;
      one.failing = { [step]: "instead" };
      await assert.rejects(remove());
      assert.deepEqual(
        one.ran,
        ABSENT.filter((each) => WITHOUT[step]?.includes(each) !== true),
      );
      one.failing = {};
      assert.equal((await remove())?.workspaces[0]?.kept?.files, 1);
      assert.deepEqual(await leftOvers(), NOTHING);
      assert.equal((await one.service.workspaces.kept())[0]?.id, id);
    });
  }

  test("once its VMM was killed leaves a VM that is stopped, and starts again", async () => {
    const { id } = await one.create("a");
    one.failing = { "detach-network": "instead" };
    process.kill(one.vmmOf(id).vmm.pid, "SIGKILL");
    assert.equal((await one.seen("a", "stopped")).stopReason?.code, "killed");
    one.failing = {};
    assert.equal((await start()).status, "running");
  });

  test("of a stop that cannot end the VMM leaves a VM that is not called stopped", async () => {
    await one.create("a");
    one.failing = { "shutdown-guest": "instead", "end-vmm": "instead" };
    await assert.rejects(stop(), (error: BangerError) => /shutdown-guest fails; and end-vmm fails/.test(error.message));
    assert.equal((await one.service.show("a")).status, "stopping");
    one.failing = {};
    assert.equal((await stop()).status, "stopped");
  });
});
