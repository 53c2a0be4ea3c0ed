// What a scenario is promised: a state without the user's settings, and that what it made goes when it ends.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { contextOf, type OwnedContext } from "./context.ts";
import { setUp } from "./fixtures.ts";

/** Has the VMs that were run and not deleted, and tells its environment. */
const FAKE_BANGER = `#!/bin/sh
vms=$BANGER_HOME/scratch/vms
case "$*" in
  'image list --json') echo '[{ "status": "ready", "outdated": false }]' ;;
  'vm list --json') [ ! -e "$vms.unknown" ] || exit 1; sed 's/.*/{ "name": "&" }/' "$vms" | paste -sd, | sed 's/.*/[&]/' ;;
  'vm run'*) echo "$5" >> "$vms" ;;
  'vm delete --discard-changes'*) shift 3; for name; do sed -i "/^$name$/d" "$vms"; done ;;
  'vm logs'*) echo "log of $3" ;;
  'daemon logs'*) echo "the daemon's log" ;;
  version) env ;;
esac
`;

interface Place {
  readonly open: (keep?: boolean) => Promise<OwnedContext>;
  readonly vms: () => Promise<string>;
  readonly logged: readonly string[];
  /** Where the fake banger has its VMs. */
  readonly directory: string;
}

async function withContext(use: (place: Place) => Promise<void>): Promise<void> {
  await using scratch = await mkdtempDisposable(join(tmpdir(), "banger-smoke-"));
  await mkdir(join(scratch.path, "build/bin"), { recursive: true });
  await writeFile(join(scratch.path, "build/bin/banger"), FAKE_BANGER, { mode: 0o755 });
  const logged: string[] = [];
  const log = (line: string) => void logged.push(line);
  const { signal } = new AbortController();
  const env = { PATH: process.env["PATH"], BANGER_CONFIG: "/of/the/user", BANGER_SOCKET: "/of/the/user", TERM: "xterm" };
  const own = { home: join(scratch.path, "home"), build: join(scratch.path, "build"), uid: process.getuid?.() ?? 0, env, log, signal };
  const fixtures = await setUp(own);
  const vms = join(fixtures.home, "scratch/vms");
  await mkdir(join(vms, ".."));
  await writeFile(vms, "of-another\n");
  const scenario = { name: "it", description: "tries it", class: "pure", needs: [], run: () => Promise.resolve() } as const;
  const open = (keep = false) => contextOf({ fixtures, scenario, signal, log, keep });
  await use({ open, vms: () => readFile(vms, "utf8"), logged, directory: join(vms, "..") });
}

test("its VMs and its directory go with it, another's stay", async () => {
  await withContext(async ({ open, vms }) => {
    const context = await open();
    assert.deepEqual([await context.boot(), await context.boot(), context.name("more")], ["it", "it-2", "it-more"]);
    assert.equal(await vms(), "of-another\nit\nit-2\n");
    assert.ok(existsSync(context.directory));
    await context[Symbol.asyncDispose]();
    assert.equal(await vms(), "of-another\n");
    assert.ok(!existsSync(context.directory));
  });
});

test("kept, all of it stays", async () => {
  await withContext(async ({ open, vms }) => {
    const context = await open(true);
    await context.boot();
    await context[Symbol.asyncDispose]();
    assert.equal(await vms(), "of-another\nit\n");
    assert.ok(existsSync(context.directory));
  });
});

test("examined, the logs of its VMs and of the daemon are written down", async () => {
  await withContext(async ({ open, logged }) => {
    await using context = await open();
    await context.boot();
    await context.examine();
    const tail = logged.filter((line) => /log/.test(line));
    assert.deepEqual(tail, ["$ banger vm logs it", "  log of it", "$ banger daemon logs --lines 60", "  the daemon's log"]);
  });
});

test("the daemon's log is written down above all where the daemon does not answer", async () => {
  await withContext(async ({ open, logged, directory }) => {
    const context = await open(true);
    await writeFile(join(directory, "vms.unknown"), "");
    await assert.rejects(context.examine(), /vm list --json exited 1/);
    assert.equal(
      logged.findLast((line) => /log/.test(line)),
      "  the daemon's log",
    );
  });
});

test("banger has its own home, and no setting of the user's", async () => {
  await withContext(async ({ open }) => {
    await using context = await open();
    const told = (await context.ok("version")).stdout.split("\n").filter((line) => /^(BANGER_|TERM=|NO_COLOR=)/.test(line));
    assert.deepEqual(told.toSorted(), [`BANGER_HOME=${context.env["BANGER_HOME"]}`, "NO_COLOR=1", "TERM=xterm"]);
  });
});
