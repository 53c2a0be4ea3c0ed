import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { showVm } from "../seen-vm.ts";

/** Names that are no text, modes, links, what is no file, setuid. */
const MAKE = [
  "mkdir -p /srv/made/empty && cd /srv/made",
  "head -c 3000000 /dev/urandom > big && chmod 4755 big",
  "printf x > \"$(printf 'odd\\377\\nname')\"",
  "ln -s /etc/passwd out && ln -s big inside && mkfifo fifo",
  "cp big first && ln first second",
].join("\n");

export default {
  name: "copy-files",
  description: "files and trees go in and come out as they were, tars through a pipe; a full guest and a missing path are told",
  class: "pure",
  needs: [],
  async run({ banger, ok, json, boot, inGuest, directory }) {
    const vm = await boot();
    const here = (...parts: readonly string[]) => join(directory, ...parts);
    await mkdir(here("tree/sub"), { recursive: true });
    await writeFile(here("tree/sub/program"), "#!/bin/sh\necho ran\n", { mode: 0o755 });
    await writeFile(Buffer.concat([Buffer.from(here("tree/")), Buffer.from([0xff, 0x0a])]), "odd");
    await symlink("sub/program", here("tree/link"));
    await ok("vm", "cp", here("tree"), `${vm}:/srv`);
    assert.equal(await inGuest(vm, "/srv/tree/link"), "ran");
    assert.equal(await inGuest(vm, "stat", "-c", "%U %a", "/srv/tree/sub/program"), "root 755");

    await ok("vm", "exec", vm, "--", "bash", "-ec", MAKE);
    await ok("vm", "cp", `${vm}:/srv/made`, here());
    const names = await readdir(here("made"), { encoding: "latin1" });
    assert.deepEqual(names.toSorted(), ["big", "empty", "first", "inside", "odd\u00ff\nname", "out", "second"]);
    assert.equal((await stat(here("made/big"))).mode & 0o7777, 0o755);
    const [sum] = (await inGuest(vm, "sha1sum", "/srv/made/big")).split(" ");
    assert.equal(execFileSync("sha1sum", [here("made/big")], { encoding: "utf8" }).split(" ")[0], sum);

    await ok("vm", "cp", here("made/big"), `${vm}:/srv/back`);
    assert.equal((await inGuest(vm, "sha1sum", "/srv/back")).split(" ")[0], sum);
    if ((await showVm({ json }, vm)).driver === "qemu") await cameByDisk(inGuest, vm);

    const tar = execFileSync("tar", ["c", "-C", here("tree"), "."]);
    await inGuest(vm, "mkdir", "/srv/piped");
    assert.equal((await banger(["vm", "cp", "-", `${vm}:/srv/piped`], { input: tar })).status, 0);
    assert.equal(await inGuest(vm, "/srv/piped/link"), "ran");

    const missing = await banger(["vm", "cp", `${vm}:/no/such`, here()]);
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /nothing at \/no\/such in the guest/);
    await inGuest(vm, "sh", "-c", "mkdir /small && mount -t tmpfs -o size=1M none /small && echo kept > /small/big");
    const full = await banger(["vm", "cp", here("made/big"), `${vm}:/small`]);
    assert.equal(full.status, 1);
    assert.match(full.stderr, /the guest's disk is full: big: no space left/);
    assert.equal(await inGuest(vm, "sh", "-c", "ls -A /small; cat /small/big"), "big\nkept");

    await ok("vm", "stop", vm);
    const stopped = await banger(["vm", "cp", `${vm}:/etc/hosts`, here()]);
    assert.match(stopped.stderr, /is not running .*\n {2}try: banger vm start/);
    assert.equal(await readFile(here("tree/sub/program"), "utf8"), "#!/bin/sh\necho ran\n");
  },
} satisfies Scenario;

/** What is large came by the bulk disk: the guest has read it. Sectors are the third figure of its statistics. */
async function cameByDisk(inGuest: ScenarioContext["inGuest"], vm: string): Promise<void> {
  const disk = await inGuest(vm, "sh", "-c", "grep -lx bulk /sys/block/vd*/serial");
  const statistics = await inGuest(vm, "cat", disk.replace(/serial$/, "stat"));
  const sectors = Number(statistics.trim().split(/\s+/)[2]);
  assert.ok(sectors * 512 >= 3_000_000, `${sectors} sectors read`);
}
