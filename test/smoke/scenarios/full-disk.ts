import assert from "node:assert/strict";
import { cp, mkdir, open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { bangerOf, runProgram, type Banger } from "../banger.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { showVm } from "../seen-vm.ts";

const MIB = 1024 * 1024;
/** For the image and one VM's writes; it costs memory. */
const FILE_SYSTEM_MIB = 900;
const VM = "full-disk";
const FLAGS = ["--driver", "qemu", "--no-network", "--memory", "512M", "--disk-size", "256M"];

export default {
  name: "full-disk",
  description: "A host without space: the guest is paused and goes on unharmed, VMs are stopped and deleted with nothing left",
  class: "pure",
  needs: ["mount"],
  async run(context) {
    await using state = await smallState(context);
    const { banger, ok, json, inGuest } = state;
    const shown = async () => await showVm({ json }, VM);
    await ok("vm", "run", "--detach", "--name", VM, ...FLAGS);

    await state.fill(16 * MIB);
    const written = banger(["vm", "exec", VM, "--", "sh", "-c", "head -c 50M /dev/urandom > /root/big && sync && sha256sum < /root/big"]);
    // Awaited below; what fails before is what is told.
    written.catch(() => undefined);
    const pauseReason = async () => (await shown()).pauseReason ?? undefined;
    assert.equal(await context.until("the guest is paused", pauseReason), "host_disk_full");
    await refused(banger, ["vm", "exec", VM, "--", "true"]);
    await refused(banger, ["vm", "run", "--rm", ...FLAGS, "--", "true"]);
    await state.empty();
    const { status, stdout } = await written;
    assert.equal(status, 0);
    await inGuest(VM, "sh", "-c", "echo 3 > /proc/sys/vm/drop_caches");
    assert.equal(await inGuest(VM, "sh", "-c", "sha256sum < /root/big"), stdout.trim(), "nothing is lost");

    await state.fill(0);
    const { pid } = (await json("daemon", "status")) as { readonly pid: number };
    process.kill(pid, "SIGKILL");
    await ok("vm", "stop", VM);
    assert.equal((await shown()).status, "stopped");
    await refused(banger, ["vm", "start", VM]);
    await ok("vm", "delete", VM);
    assert.deepEqual(await json("vm", "list"), []);
  },
} satisfies Scenario;

async function refused(banger: Banger["banger"], args: readonly string[]): Promise<void> {
  const { status, stderr } = await banger(args);
  assert.notEqual(status, 0);
  assert.match(stderr, /space is left in .* free\)\n {2}try: banger vm list, then banger vm delete NAME/);
}

interface SmallState extends Banger, AsyncDisposable {
  /** Takes all space but `leftBytes`. */
  readonly fill: (leftBytes: number) => Promise<void>;
  readonly empty: () => Promise<void>;
}

/** A state of its own on a small file system, with the image of this run's. */
async function smallState({ program, env, directory, log, signal, until }: ScenarioContext): Promise<SmallState> {
  const home = join(directory, "home");
  await mkdir(home);
  // What ends it must also run after an interruption.
  const run = (...argv: readonly string[]) => runProgram(argv, { env, signal: new AbortController().signal });
  // The daemon has its log open until it is gone.
  const unmounted = async () => ((await run("umount", home)).status === 0 ? true : undefined);
  await using undo = new AsyncDisposableStack();
  const mounted = await run("mount", "-t", "tmpfs", "-o", `size=${FILE_SYSTEM_MIB}m,mode=711`, "tmpfs", home);
  assert.equal(mounted.status, 0, mounted.stderr);
  undo.defer(async () => void (await until("it is unmounted", unmounted)));
  for (const name of ["images", "kernels"])
    await cp(join(env["BANGER_HOME"] ?? "", "data", name), join(home, "data", name), { recursive: true, preserveTimestamps: true });
  const own = { ...env, BANGER_HOME: home };
  undo.defer(async () => {
    const cleaner = bangerOf({ program, env: own, log, signal: new AbortController().signal });
    const left = (await cleaner.json("vm", "list")) as readonly { name: string }[];
    if (left.length > 0) await cleaner.ok("vm", "delete", ...left.map(({ name }) => name));
    await cleaner.ok("daemon", "stop");
  });
  const filler = join(home, "filler");
  const kept = undo.move();
  return {
    ...bangerOf({ program, env: own, log, signal }),
    fill: (leftBytes) => fill(filler, leftBytes),
    empty: () => rm(filler, { force: true }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function fill(path: string, leftBytes: number): Promise<void> {
  await using file = await open(path, "a");
  const block = Buffer.alloc(MIB, 1);
  try {
    for (;;) {
      const { bavail, bsize } = await statfs(path);
      const bytes = Math.min(block.length, bavail * bsize - leftBytes);
      // What statfs does not see is taken too.
      if (bytes <= 0 && leftBytes > 0) return;
      await file.write(block, 0, Math.max(bytes, 4096));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
