// Shells in a VM: what ssh is given, what becomes of its status, and the bridge it runs over.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { Script } from "../../testing/fake-daemon.ts";
import { fakeVm } from "../../testing/fixtures.ts";
import { openScene, type Scene } from "../../testing/run-cli.ts";

const script: Script = {
  ...{ vmDial: (socket) => void socket.resume() },
  vmWait: () => fakeVm({ readiness: ["agent", "basic", "ssh"] }),
  vmShow: () => fakeVm(),
  vmCreate: () => fakeVm(),
};
const DIAL = "vmDial sandbox network=tcp address=127.0.0.1:22";
const STILL_RUNNING =
  "sandbox is still running.  enter: banger vm ssh sandbox   stop: banger vm stop sandbox   delete: banger vm delete sandbox\n";

interface FakeSsh {
  readonly status: number;
  /** Whether it gets in. */
  readonly enters: boolean;
  /** What it says over its connection; it then takes down what comes until that ends. */
  readonly says?: string;
}

/** A PATH whose ssh takes down what it was given. */
function fakeSsh(scene: Scene, { status, enters, says }: FakeSsh): Readonly<Record<string, string>> {
  const bin = join(scene.home, "bin");
  mkdirSync(bin);
  const lines = [
    "#!/bin/sh",
    `for word in "$@"; do`,
    `  printf '%s\\n' "$word" >> ${scene.home}/ssh-words`,
    `  case $word in`,
    `    UserKnownHostsFile=*) file=\${word#*=}; file=\${file#?}; cp "\${file%?}" ${scene.home}/known_hosts ;;`,
    `    ProxyCommand=*) ${says === undefined ? ":" : `printf '%s' '${says}' | sh -c "\${word#*=}" | cat > ${scene.home}/heard`} ;;`,
    `    LocalCommand=*) ${enters ? 'eval "${word#*=}"' : ":"} ;;`,
    `  esac`,
    `done`,
    `exit ${status}`,
  ];
  writeFileSync(join(bin, "ssh"), `${lines.join("\n")}\n`);
  chmodSync(join(bin, "ssh"), 0o755);
  return { PATH: `${bin}:${scene.env["PATH"] ?? ""}` };
}

const sshWords = (scene: Scene) => readFileSync(join(scene.home, "ssh-words"), "utf8").trimEnd().split("\n");
const terminal = { stdin: true };

test("vm ssh waits for sshd, trusts this VM's key alone, and leaves no file behind", async () => {
  await using scene = await openScene(script);
  const env = fakeSsh(scene, { status: 0, enters: true });
  assert.deepEqual(await scene.cli(["vm", "ssh", "sandbox"], { env, isTerminal: terminal }), {
    status: 0,
    stdout: "",
    stderr: STILL_RUNNING,
  });
  assert.deepEqual(scene.daemon?.calls, ["vmShow sandbox", "vmWait sandbox level=ssh", DIAL, "vmShow sandbox"]);
  const words = sshWords(scene);
  assert.equal(words.at(-1), "root@sandbox");
  assert.ok(words.includes(`IdentityFile="${scene.home}/state/ssh/id_ed25519"`));
  assert.equal(readFileSync(join(scene.home, "known_hosts"), "utf8"), "0f3a9c ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHostKey\n");
  assert.deepEqual(readdirSync(join(scene.home, "state/ssh")).toSorted(), ["id_ed25519", "id_ed25519.pub"]);
});

test("ssh and sshd are joined, bytes both ways, until sshd ends", async () => {
  await using scene = await openScene({
    ...script,
    vmDial: (socket) => {
      // Before ssh can have been started, and more than a pipe holds.
      socket.write(`SSH-2.0-sshd\r\n${"x".repeat(500_000)}`);
      socket.once("data", (heard: Buffer) => socket.end(`[${heard.toString()}]`));
    },
  });
  const said = await scene.cli(["vm", "ssh", "sandbox"], { env: fakeSsh(scene, { status: 0, enters: true, says: "SSH-2.0-ssh" }) });
  assert.equal(said.status, 0);
  const heard = readFileSync(join(scene.home, "heard"), "utf8");
  assert.deepEqual([heard.length, heard.slice(0, 15), heard.slice(-14)], [500_027, "SSH-2.0-sshd\r\nx", "x[SSH-2.0-ssh]"]);
});

test("an sshd that closes at once, or is not reached, ends the connection of ssh", async () => {
  const failing = { status: 255, enters: false, says: "SSH-2.0-ssh" };
  await using scene = await openScene({ ...script, vmDial: (socket) => void socket.destroy() });
  assert.equal((await scene.cli(["vm", "ssh", "sandbox"], { env: fakeSsh(scene, failing) })).status, 125);
  const { vmDial: _, ...unreachable } = script;
  await using other = await openScene(unreachable);
  assert.equal((await other.cli(["vm", "ssh", "sandbox"], { env: fakeSsh(other, failing) })).status, 125);
  assert.deepEqual(readdirSync(join(other.home, "state/ssh")).toSorted(), ["id_ed25519", "id_ed25519.pub"]);
});

test("the session's status is banger's; ssh's own failure is 125", async (t) => {
  const cases = [
    { status: 3, enters: true, expected: 3 },
    { status: 255, enters: true, expected: 255 },
    { status: 255, enters: false, expected: 125 },
  ];
  for (const { expected, ...ssh } of cases) {
    await t.test(JSON.stringify(ssh), async () => {
      await using scene = await openScene(script);
      const said = await scene.cli(["vm", "ssh", "sandbox", "--", "make"], { env: fakeSsh(scene, ssh) });
      assert.equal(said.status, expected);
      assert.equal(
        said.stderr,
        expected === 125
          ? "error: ssh did not get into sandbox\n  try: banger vm logs sandbox, or banger vm exec sandbox -- bash -l\n"
          : "",
      );
    });
  }
});

test("without a terminal ssh is told so, and nothing is remarked", async () => {
  await using scene = await openScene(script);
  const said = await scene.cli(["vm", "ssh", "sandbox"], { env: fakeSsh(scene, { status: 0, enters: true }) });
  assert.deepEqual(said, { status: 0, stdout: "", stderr: "" });
  assert.ok(sshWords(scene).includes("-T"));
});

test("without ssh nothing is made, nor waited for, and it is said what to type", async () => {
  await using scene = await openScene(script);
  for (const words of [
    ["vm", "ssh", "sandbox"],
    ["vm", "run"],
  ]) {
    const { status, stderr } = await scene.cli(words, { env: { PATH: "/nonexistent" } });
    assert.equal(status, 125);
    assert.match(stderr, /^error: ssh is not installed\n  try: .*openssh.*\n$/);
  }
  assert.deepEqual(scene.daemon?.calls, []);
});

test("vm run opens a shell once ssh is ready, and the VM stays", async () => {
  await using scene = await openScene(script);
  const said = await scene.cli(["vm", "run"], { env: fakeSsh(scene, { status: 0, enters: true }), isTerminal: terminal });
  assert.deepEqual(said, { status: 0, stdout: "", stderr: STILL_RUNNING });
  const [body] = scene.daemon?.bodies ?? [];
  assert.equal((body as { readonly wait: string }).wait, "ssh");
  assert.deepEqual((body as { readonly authorizedKeys: unknown }).authorizedKeys, [
    readFileSync(join(scene.home, "state/ssh/id_ed25519.pub"), "utf8").trim(),
  ]);
});

test("several at once make one key", async () => {
  await using scene = await openScene(script);
  await Promise.all(Array.from({ length: 4 }, () => scene.cli(["vm", "create"])));
  const keys = (scene.daemon?.bodies ?? []).map((body) => (body as { readonly authorizedKeys: readonly string[] }).authorizedKeys.join());
  assert.equal(new Set(keys.map((key) => key.split(" ")[1])).size, 1);
  assert.deepEqual(readdirSync(join(scene.home, "state/ssh")).toSorted(), ["id_ed25519", "id_ed25519.pub"]);
});

test("ssh_key_path names the owner's own key; it is never made", async () => {
  await using scene = await openScene(script);
  mkdirSync(join(scene.home, "config"));
  mkdirSync(join(scene.home, ".ssh"));
  writeFileSync(join(scene.home, "config/config.toml"), `[vm_defaults]\nvcpu = 2\n`);
  assert.equal((await scene.cli(["vm", "create"])).status, 0);
  writeFileSync(join(scene.home, "config/config.toml"), `ssh_key_path = "~/.ssh/mine"\n`);
  assert.deepEqual(await scene.cli(["vm", "create"]), {
    status: 1,
    stdout: "",
    stderr: `error: ssh_key_path: ${scene.home}/.ssh/mine does not exist\n  try: ssh-keygen -t ed25519 -f ${scene.home}/.ssh/mine\n`,
  });
  writeFileSync(join(scene.home, ".ssh/mine"), "private");
  writeFileSync(join(scene.home, ".ssh/mine.pub"), "ssh-ed25519 AAAAMine me@host\n");
  await scene.cli(["vm", "create"]);
  assert.deepEqual((scene.daemon?.bodies.at(-1) as { readonly authorizedKeys: unknown } | undefined)?.authorizedKeys, [
    "ssh-ed25519 AAAAMine me@host",
  ]);
  await scene.cli(["vm", "ssh", "sandbox"], { env: fakeSsh(scene, { status: 0, enters: true }) });
  assert.ok(sshWords(scene).includes(`IdentityFile="${scene.home}/.ssh/mine"`));
});

test("a config.toml that cannot be read as TOML is told with its place", async () => {
  await using scene = await openScene(script);
  mkdirSync(join(scene.home, "config"));
  for (const [text, message] of [
    ["# mine\n ssh_key_path = 5\n", "config.toml:2:2: ssh_key_path is 5\n  try: write a path"],
    ["\nssh_key_path = \n", "2:"],
    ['ssh_key_path = "key"', 'ssh_key_path is "key"'],
  ] as const) {
    writeFileSync(join(scene.home, "config/config.toml"), text);
    const said = await scene.cli(["vm", "create"]);
    assert.equal(said.status, 1);
    assert.ok(said.stderr.startsWith(`error: ${scene.home}/config/config.toml:`) && said.stderr.includes(message), said.stderr);
  }
});

test("vm dial bridges bytes both ways and keeps a half-closed connection", async () => {
  await using scene = await openScene({
    vmDial: async (socket, { query }) => {
      const chunks: Buffer[] = [];
      for await (const chunk of socket) chunks.push(chunk as Buffer);
      socket.end(`${query?.network ?? ""} ${query?.address ?? ""}: ${Buffer.concat(chunks).toString().toUpperCase()}`);
    },
  });
  assert.deepEqual(await scene.cli(["vm", "dial", "sandbox", "127.0.0.1:22"], { stdin: "hello" }), {
    status: 0,
    stdout: "tcp 127.0.0.1:22: HELLO",
    stderr: "",
  });
  assert.equal((await scene.cli(["vm", "dial", "sandbox", "/run/x.sock"], { stdin: "hello" })).stdout, "unix /run/x.sock: HELLO");
});

test("vm dial ends when the guest closes, whatever stdin does", async () => {
  await using scene = await openScene({ vmDial: (socket) => void socket.end("SSH-2.0-x\r\n") });
  assert.equal((await scene.cli(["vm", "dial", "sandbox", "127.0.0.1:22"], { stdin: new PassThrough() })).stdout, "SSH-2.0-x\r\n");
});
