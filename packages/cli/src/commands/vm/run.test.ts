// The golden path: make a VM, run in it, leave it or delete it, and undo what was begun.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { BangerError, type ProgressEvent } from "@banger/api";
import { fakeExec } from "../../testing/fake-guest.ts";
import type { Script } from "../../testing/fake-daemon.ts";
import { fakeVm } from "../../testing/fixtures.ts";
import { openScene } from "../../testing/run-cli.ts";

const SPEC: ProgressEvent = {
  type: "spec",
  name: "sandbox",
  driver: "qemu",
  accelerator: "tcg",
  spec: {
    vcpu: { value: 2, source: "host" },
    memoryMib: { value: 2048, source: "config" },
    diskBytes: { value: 8 * 1024 ** 3, source: "default" },
    image: { value: "debian-bookworm", source: "default" },
  },
};

function boot(emit: (event: ProgressEvent) => void): void {
  emit({ type: "operation", id: "7f3a" });
  emit({
    type: "warning",
    code: "accelerator.tcg",
    message: "No usable KVM: running under emulation, about 10x slower",
    hint: "banger doctor",
  });
  emit(SPEC);
  emit({ type: "stage.started", stage: "packages", atMs: 0 });
  emit({ type: "stage.progress", stage: "packages", done: 12, total: 321, unit: "packages", atMs: 5 });
  emit({ type: "stage.finished", stage: "packages", durationMs: 58_100, atMs: 58_100, facts: { packages: 321, bytes: 198 * 1024 ** 2 } });
  emit({ type: "stage.started", stage: "boot", atMs: 58_100 });
  emit({ type: "stage.finished", stage: "boot", durationMs: 2_600, atMs: 60_700 });
}

const BOOT_LINES = `! No usable KVM: running under emulation, about 10x slower (banger doctor)
spec: 2 vCPU (host)  2 GiB (config)  8 GiB disk (default)  image debian-bookworm  qemu/tcg
✓ packages  321 packages, 198 MiB  58.1s
✓ boot  2.6s
`;
const STILL_RUNNING =
  "sandbox is still running.  enter: banger vm ssh sandbox   stop: banger vm stop sandbox   delete: banger vm delete sandbox\n";

const golden: Script = {
  vmCreate: ({ emit }) => {
    boot(emit);
    return fakeVm();
  },
  vmShow: () => fakeVm(),
  vmExec: () => ({ id: "e1" }),
  execAttach: fakeExec((guest) => {
    guest.out("the command's own output\n");
    return { status: 2 };
  }),
  vmLease: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve({}))),
  vmDelete: () => ({ kept: null }),
};

test("a command: progress on stderr, its output alone on stdout, its status; the VM stays", async () => {
  await using scene = await openScene(golden);
  assert.deepEqual(await scene.cli(["vm", "run", "--", "make", "test"]), {
    status: 2,
    stdout: "the command's own output\n",
    stderr: BOOT_LINES + STILL_RUNNING,
  });
  assert.deepEqual(scene.daemon?.calls, ["vmCreate", "vmExec sandbox", "execAttach e1", "vmShow sandbox"]);
});

test("-q says nothing of its own", async () => {
  await using scene = await openScene(golden);
  assert.deepEqual(await scene.cli(["vm", "run", "-q", "--", "make", "test"]), {
    status: 2,
    stdout: "the command's own output\n",
    stderr: "",
  });
});

test("the flags become the request; our public key goes along", async () => {
  await using scene = await openScene(golden);
  await scene.cli([
    ..."vm run --name web --image debian-trixie --vcpu 4 --memory 4G --disk-size 16G -p 8080:80 -p 0.0.0.0:0:22 --no-network --driver qemu --wait system".split(
      " ",
    ),
    "--",
    "true",
  ]);
  const [body] = scene.daemon?.bodies ?? [];
  const { authorizedKeys, ...request } = body as { readonly authorizedKeys: readonly string[] };
  assert.match(authorizedKeys.join(), /^ssh-ed25519 \S+ banger$/);
  assert.deepEqual(request, {
    name: "web",
    image: "debian-trixie",
    spec: { vcpu: 4, memoryMib: 4096, diskBytes: 16 * 1024 ** 3 },
    publish: [
      { hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80 },
      { hostAddress: "0.0.0.0", hostPort: 0, guestPort: 22 },
    ],
    egress: "none",
    driver: "qemu",
    wait: "system",
  });
});

test("--detach prints the name alone, with --json the VM", async () => {
  await using scene = await openScene(golden);
  assert.deepEqual(await scene.cli(["vm", "run", "-d"]), { status: 0, stdout: "sandbox\n", stderr: BOOT_LINES });
  const said = await scene.cli(["vm", "run", "-d", "--json"]);
  assert.deepEqual({ status: said.status, stderr: said.stderr }, { status: 0, stderr: "" });
  assert.deepEqual(JSON.parse(said.stdout), fakeVm());
});

test("--rm holds a lease, deletes at the end and keeps the command's status", async () => {
  await using scene = await openScene(golden);
  assert.deepEqual(await scene.cli(["vm", "run", "--rm", "--", "false"]), {
    status: 2,
    stdout: "the command's own output\n",
    stderr: BOOT_LINES,
  });
  assert.equal((scene.daemon?.bodies[0] as { readonly lease: boolean } | undefined)?.lease, true);
  assert.deepEqual(scene.daemon?.calls, ["vmCreate", "vmLease sandbox", "vmExec sandbox", "execAttach e1", "vmDelete sandbox"]);
});

test("--rm deletes when banger itself fails, too", async () => {
  await using scene = await openScene({
    ...golden,
    vmExec: () => {
      throw new BangerError("guest.unreachable", "the guest does not answer");
    },
  });
  assert.deepEqual(await scene.cli(["vm", "run", "-q", "--rm", "--", "true"]), {
    status: 125,
    stdout: "",
    stderr: "error: the guest does not answer\n",
  });
  assert.equal(scene.daemon?.calls.at(-1), "vmDelete sandbox");
});

test("--rm takes a lost lease up again", async () => {
  let leases = 0;
  const second = Promise.withResolvers<void>();
  await using scene = await openScene({
    ...golden,
    vmLease: ({ signal }) => {
      leases += 1;
      if (leases === 1) throw new BangerError("daemon.stopping", "the daemon is stopping");
      second.resolve();
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve({})));
    },
    execAttach: fakeExec(async () => {
      await second.promise;
      return { status: 0 };
    }),
  });
  assert.equal((await scene.cli(["vm", "run", "--rm", "--", "true"])).status, 0);
  assert.equal(leases, 2);
});

test("a VM that was deleted meanwhile is no failure of --rm", async () => {
  await using scene = await openScene({
    ...golden,
    vmDelete: () => {
      throw new BangerError("vm.not_found", "there is no VM sandbox");
    },
  });
  assert.equal((await scene.cli(["vm", "run", "-q", "--rm", "--", "false"])).status, 2);
});

test("a guest that does not get ready is kept for a look, by the daemon", async () => {
  await using scene = await openScene({
    vmCreate: ({ emit }) => {
      emit(SPEC);
      throw new BangerError("guest.not_ready", "the guest did not become ready in 120 s", { hint: "it is kept", operationId: "91c2" });
    },
  });
  const said = await scene.cli(["vm", "run", "--rm", "--", "true"]);
  assert.equal(said.status, 125);
  assert.match(said.stderr, /error: the guest did not become ready in 120 s\n {2}try: it is kept {2,}\[op 91c2\]\n$/);
  assert.deepEqual(scene.daemon?.calls, ["vmCreate"]);
});

test("a workspace VM whose guest does not get ready is kept for a look, too, its lease given up", async () => {
  await using scene = await openScene({
    ...golden,
    vmList: () => [fakeVm()],
    keptList: () => [],
    vmFilesPut: () => ({ files: 1, bytes: 1 }),
    workspacePut: ({ query: { path, source, tree } }) => ({
      ...{ guestPath: path, source, tree, head: null, branch: null, copiedAt: "2026-01-01T00:00:00.000Z", files: 0, kept: null },
    }),
    vmExec: () => {
      throw new BangerError("guest.not_ready", "the guest did not become ready in 120 s");
    },
    vmLeaseRelease: () => fakeVm(),
  });
  const repository = join(scene.home, "api");
  execFileSync("git", ["init", "--quiet", repository]);
  const commit = ["-c", "user.name=D", "-c", "user.email=d@d", "commit", "--quiet", "--allow-empty", "-m", "one"];
  execFileSync("git", ["-C", repository, ...commit], { env: scene.env });
  const said = await scene.cli(["vm", "run", "--rm", "--no-bootstrap", repository, "--", "true"]);
  assert.equal(said.status, 125, said.stderr);
  assert.match(said.stderr, /error: the guest did not become ready in 120 s\n/);
  assert.ok(scene.daemon?.calls.includes("vmLeaseRelease sandbox"), scene.daemon?.calls.join("\n"));
  assert.ok(!scene.daemon?.calls.includes("vmDelete sandbox"));
});

test("Ctrl-C during boot undoes it, says so, 130", async () => {
  let isThere = true;
  await using scene = await openScene({
    vmCreate: ({ emit, signal }) => {
      emit(SPEC);
      return new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          isThere = false;
          resolve(fakeVm());
        });
      });
    },
    vmShow: () => {
      if (isThere) return fakeVm();
      throw new BangerError("vm.not_found", "there is no VM sandbox");
    },
  });
  const onStderr = (soFar: string) => {
    if (soFar.startsWith("spec:") && isThere) scene.signals.emit("SIGINT", "SIGINT");
  };
  const said = await scene.cli(["vm", "run", "--", "true"], { onStderr });
  assert.deepEqual(said, {
    status: 130,
    stdout: "",
    stderr: "spec: 2 vCPU (host)  2 GiB (config)  8 GiB disk (default)  image debian-bookworm  qemu/tcg\ncancelled: sandbox is undone\n",
  });
  assert.equal(scene.signals.listenerCount("SIGINT"), 0);
});

test("a second Ctrl-C does not wait for the undoing", async () => {
  await using scene = await openScene({
    vmCreate: ({ emit }) => {
      emit(SPEC);
      return new Promise(() => undefined);
    },
    vmShow: () => {
      scene.signals.emit("SIGINT", "SIGINT");
      return fakeVm();
    },
  });
  const onStderr = (soFar: string) => {
    if (soFar.endsWith("qemu/tcg\n")) scene.signals.emit("SIGINT", "SIGINT");
  };
  const { status, stderr } = await scene.cli(["vm", "run", "--", "true"], { onStderr });
  assert.equal(status, 130);
  assert.match(stderr, /\nleft while it is being undone; what there is: banger vm list\n$/);
});

test("a refused VM: what, why, what to type; the operation last", async () => {
  await using scene = await openScene({
    vmCreate: () => {
      throw new BangerError("host.resources", "64 GiB of memory is more than this host has (24 GiB, 21 GiB available)", {
        hint: "--memory 16G",
        operationId: "7f3a",
      });
    },
  });
  assert.deepEqual(await scene.cli(["vm", "run", "--memory", "64G", "--", "true"]), {
    status: 125,
    stdout: "",
    stderr: `error: 64 GiB of memory is more than this host has (24 GiB, 21 GiB available)\n${"  try: --memory 16G".padEnd(88)}[op 7f3a]\n`,
  });
});

test("--explain says where the time of the boot went, before the command's own output", async () => {
  await using scene = await openScene(golden);
  const { status, stderr } = await scene.cli(["vm", "run", "--explain", "-q", "--", "make", "test"]);
  assert.equal(status, 2);
  assert.match(
    stderr,
    /^where the time went:\n  to the daemon +\d+ ms +\d+%\n  packages +58100 ms .*\n  boot +2600 ms .*\n  between stages .*\n  ready after .*\n$/,
  );
});
