// Commands that look: list, show, logs, forward.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeVm } from "../../testing/fixtures.ts";
import { openScene } from "../../testing/run-cli.ts";

const published = [
  { hostAddress: "127.0.0.1", hostPort: 3000, guestPort: 3000 },
  { hostAddress: "0.0.0.0", hostPort: 8080, guestPort: 80, error: "port 8080 is taken" },
];

test("vm list", async () => {
  await using scene = await openScene({
    vmList: () => [
      fakeVm(),
      fakeVm({
        name: "api",
        vcpu: 4,
        memoryMib: 4096,
        diskBytes: 16 * 1024 ** 3,
        diskUsedBytes: 1181116006,
        forwards: published,
        createdAt: "2025-12-31T22:00:00.000Z",
      }),
      fakeVm({ name: "old", status: "stopped", stopReason: { code: "killed" }, createdAt: "2025-12-29T00:00:00.000Z" }),
      fakeVm({ name: "adrift", networkLost: true }),
      fakeVm({ name: "stuck", pauseReason: "host_disk_full" }),
    ],
  });
  assert.deepEqual(await scene.cli(["vm", "ps"]), {
    status: 0,
    stderr: "",
    stdout: `NAME     STATUS                   IMAGE            CPU  MEM    DISK        PORTS                                         AGE
sandbox  running                  debian-bookworm  2    2 GiB  0.3/8 GiB   -                                             4m
api      running                  debian-bookworm  4    4 GiB  1.1/16 GiB  127.0.0.1:3000→3000 0.0.0.0:8080→80 (failed)  2h
old      stopped (killed)         debian-bookworm  2    2 GiB  0.3/8 GiB   -                                             3d
adrift   running (network lost)   debian-bookworm  2    2 GiB  0.3/8 GiB   -                                             4m
stuck    paused (host disk full)  debian-bookworm  2    2 GiB  0.3/8 GiB   -                                             4m
`,
  });
});

const WORKSPACE = {
  ...{ guestPath: "/root/repo", source: "/home/dev/src/api", tree: "0".repeat(40), head: null, branch: null },
  ...{ copiedAt: "2026-01-01T00:00:00.000Z", files: 2, kept: null },
};

test("vm list and vm show tell which repository is in a VM", async () => {
  const api = fakeVm({ id: "a1", name: "api", workspaces: [WORKSPACE] });
  await using scene = await openScene({ vmList: () => [fakeVm(), api], vmShow: () => api });
  assert.equal(
    (await scene.cli(["vm", "list"])).stdout,
    `NAME     STATUS   IMAGE            CPU  MEM    DISK       PORTS  WORKSPACE       AGE
sandbox  running  debian-bookworm  2    2 GiB  0.3/8 GiB  -      -               4m
api      running  debian-bookworm  2    2 GiB  0.3/8 GiB  -      api→/root/repo  4m
`,
  );
  assert.match((await scene.cli(["vm", "show", "api"])).stdout, /^workspace  \/home\/dev\/src\/api → \/root\/repo$/m);
  assert.deepEqual(JSON.parse((await scene.cli(["vm", "show", "api", "--json"])).stdout), api);
});

test("vm list without VMs says how to make one, and nothing on stdout", async () => {
  await using scene = await openScene({ vmList: () => [] });
  assert.deepEqual(await scene.cli(["vm", "list"]), { status: 0, stdout: "", stderr: "no VMs.  make one: banger vm run\n" });
  assert.deepEqual(await scene.cli(["vm", "list", "--json"]), { status: 0, stdout: "[]\n", stderr: "" });
});

test("vm show tells how a VM ended", async () => {
  await using scene = await openScene({
    vmShow: () =>
      fakeVm({
        status: "stopped",
        stopReason: { code: "guest_panic", detail: "VFS: unable to mount root\n" },
        readiness: [],
        accelerator: null,
        address: null,
        egress: "none",
        pid: null,
        startedAt: null,
      }),
  });
  assert.deepEqual(await scene.cli(["vm", "show", "sandbox"]), {
    status: 0,
    stderr: "",
    stdout: `name      sandbox
id        0f3a9c
status    stopped (panic)
ready     -
image     debian-bookworm (sha256:aa)
cpu       2
memory    2 GiB
disk      0.3/8 GiB
driver    qemu
address   -
network   none
ports     -
pid       -
created   4m ago
started   -
host key  ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHostKey

VFS: unable to mount root
`,
  });
});

test("vm show and vm list tell of a VM without a network, why, and what to type", async () => {
  const without = fakeVm({ noNetwork: { reason: "pasta is not installed", fix: "sudo apt install passt" } });
  await using scene = await openScene({ vmShow: () => without, vmList: () => [without, fakeVm({ ...without, egress: "none" })] });
  const { stdout } = await scene.cli(["vm", "show", "sandbox"]);
  assert.match(stdout, /^network   none: pasta is not installed\. Fix it: sudo apt install passt, then: banger vm restart sandbox$/m);
  const rows = (await scene.cli(["vm", "list"])).stdout.split("\n");
  assert.match(rows[1] ?? "", /running \(no network\)/);
  assert.match(rows[2] ?? "", /running  /, "who asked for none misses nothing");
});

test("vm logs: each source under its header; one alone without", async () => {
  await using scene = await openScene({
    vmLogs: ({ query, write }) => write(query?.source === "vmm" ? "" : `${query?.source ?? ""} says\n`),
  });
  assert.equal((await scene.cli(["vm", "logs", "api"])).stdout, "==> console <==\nconsole says\n\n==> agent <==\nagent says\n");
  assert.equal((await scene.cli(["vm", "logs", "api", "--source", "agent"])).stdout, "agent says\n");
});

test("vm logs -f follows all sources at once", async () => {
  const agentWrote = Promise.withResolvers<void>();
  await using scene = await openScene({
    vmLogs: async ({ query, write }) => {
      assert.equal(query?.follow, "true");
      if (query?.source === "console") {
        await agentWrote.promise;
        write("booted\n");
      }
      if (query?.source === "agent") {
        write("first\n");
        agentWrote.resolve();
      }
    },
  });
  assert.equal((await scene.cli(["vm", "logs", "api", "-f"])).stdout, "==> agent <==\nfirst\n\n==> console <==\nbooted\n");
});

test("vm forward publishes, lists, removes", async () => {
  await using scene = await openScene({
    vmForward: ({ body }) => ({ ...body, hostPort: 40_123 }),
    vmShow: () => fakeVm({ forwards: published }),
    vmUnforward: () => fakeVm(),
  });
  const both = "127.0.0.1:3000→3000\n0.0.0.0:8080→80 (port 8080 is taken)\n";
  assert.deepEqual(await scene.cli(["vm", "forward", "api", "0:3000"]), { status: 0, stdout: "127.0.0.1:40123→3000\n", stderr: "" });
  const made = await scene.cli(["vm", "forward", "api", "0:3000", "--json"]);
  assert.deepEqual(JSON.parse(made.stdout), { hostAddress: "127.0.0.1", hostPort: 40_123, guestPort: 3000 });
  assert.equal((await scene.cli(["vm", "forward", "api"])).stdout, both);
  assert.deepEqual(await scene.cli(["vm", "forward", "api", "3000:3000", "--remove"]), { status: 0, stdout: "", stderr: "" });
  assert.equal(scene.daemon?.calls.at(-1), "vmUnforward api hostAddress=127.0.0.1 hostPort=3000");
});

test("vm forward says when there is nothing, and when a port has to wait for its VM", async () => {
  await using scene = await openScene({
    vmShow: () => fakeVm({ name: "api", status: "stopped" }),
    vmForward: ({ body }) => body,
  });
  assert.deepEqual(await scene.cli(["vm", "forward", "api"]), {
    status: 0,
    stdout: "",
    stderr: "api publishes no port.  publish one: banger vm forward api 8080:80\n",
  });
  assert.deepEqual(await scene.cli(["vm", "forward", "api", "8080:80"]), {
    status: 0,
    stdout: "127.0.0.1:8080→80\n",
    stderr: "api is stopped: the port is published at its next start\n",
  });
});
