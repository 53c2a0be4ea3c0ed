// What a VMM that was taken over can plant in the one directory it may write to, `run/`, and what its user could beside it.
import assert from "node:assert/strict";
import { closeSync } from "node:fs";
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { endForSure } from "./lifetime.ts";
import { giveFile, openLog, prepareRunDirectory, readTail } from "./vm-directory.ts";

const SOCKETS = ["agent.sock", "qmp.sock"] as const;
const gone = { pid: 2 ** 22 + 1, startTicks: "0", bootId: "none" };

/** A VM's directory with its `run/`, and a file of somebody else's. */
async function world(context: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), "banger-vm-directory-"));
  context.after(() => rm(dir, { recursive: true, force: true }));
  const [vmDir, victim] = [join(dir, "vm"), join(dir, "victim")];
  await mkdir(join(vmDir, "run"), { recursive: true });
  await writeFile(victim, "secret", { mode: 0o640 });
  await chmod(victim, 0o640);
  const isUntouched = async () => {
    const { mode, uid } = await stat(victim);
    return (await readFile(victim, "utf8")) === "secret" && (mode & 0o777) === 0o640 && uid === process.getuid?.();
  };
  const end = () => endForSure({ driver: "qemu", accelerator: "kvm", vmDir, vmm: gone, jail: gone }, { sockets: SOCKETS });
  return { dir, vmDir, victim, run: join(vmDir, "run"), isUntouched, end };
}

for (const [what, plant] of [
  ["directories", (path: string) => mkdir(join(path, "full/of"), { recursive: true })],
  ["symlinks to a file", (path: string, { victim }: { readonly victim: string }) => symlink(victim, path)],
  ["symlinks to a directory", (path: string, { dir }: { readonly dir: string }) => symlink(dir, path)],
] as const) {
  test(`${what} in place of sockets keep a VM neither from its end nor from its next start`, async (context) => {
    const made = await world(context);
    for (const step of [made.end, () => prepareRunDirectory(made.vmDir, null, SOCKETS)]) {
      for (const name of SOCKETS) await plant(join(made.run, name), made);
      await step();
      assert.deepEqual(await readdir(made.run), []);
    }
    assert.ok(await made.isUntouched());
  });
}

test("a symlink in place of run/ is refused", async (context) => {
  const { dir, vmDir, run } = await world(context);
  await rm(run, { recursive: true });
  await mkdir(join(dir, "elsewhere"));
  await writeFile(join(dir, "elsewhere/agent.sock"), "");
  await symlink(join(dir, "elsewhere"), run);
  await assert.rejects(prepareRunDirectory(vmDir, null, SOCKETS), { code: "vmm.failed" });
  assert.deepEqual(await readdir(join(dir, "elsewhere")), ["agent.sock"]);
});

test("a symlink in place of a log or a disk is neither written, given away nor read", async (context) => {
  const { vmDir, victim, isUntouched } = await world(context);
  const planted = join(vmDir, "planted");
  await symlink(victim, planted);
  const owner = { uid: 65_534, gid: 65_534, home: "/" };
  assert.throws(() => closeSync(openLog(planted, null, true)), { code: "ELOOP" });
  assert.throws(() => giveFile(planted, owner), { code: "vmm.failed" });
  assert.throws(() => readTail(planted), { code: "ELOOP" });
  assert.throws(() => giveFile(vmDir, owner), { code: "vmm.failed", message: /not a regular file/ });
  assert.ok((await lstat(planted)).isSymbolicLink());
  assert.ok(await isUntouched());
});
