import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { knownHostsLine, shellLine, sshArgv, type SshTarget } from "./argv.ts";

const target: SshTarget = {
  vmId: "0f3a9c",
  vmName: "sandbox",
  keyPath: "/home/a b/100%/id_ed25519",
  knownHostsFile: "/home/a b/100%/known_hosts",
  markerFile: "/home/a b/100%/connected",
  isEmulated: false,
  proxy: ["/opt/my node", "/opt/100%/banger.cjs", "vm", "dial", "sandbox", "127.0.0.1:22"],
  tty: "auto",
  command: [],
};

test("the command line of ssh", () => {
  assert.deepEqual(sshArgv({ ...target, keyPath: "/k", knownHostsFile: "/h", markerFile: "/m", proxy: ["banger", "dial"] }), [
    ...["-F", "none"],
    ...["-o", "ProxyCommand=banger dial"],
    ...["-o", "HostKeyAlias=0f3a9c"],
    ...["-o", 'UserKnownHostsFile="/h"'],
    ...["-o", "GlobalKnownHostsFile=/dev/null"],
    ...["-o", "StrictHostKeyChecking=yes"],
    ...["-o", "UpdateHostKeys=no"],
    ...["-o", "IdentitiesOnly=yes"],
    ...["-o", 'IdentityFile="/k"'],
    ...["-o", "PreferredAuthentications=publickey"],
    ...["-o", "PermitLocalCommand=yes"],
    ...["-o", "LocalCommand=touch /m"],
    ...["-o", "SendEnv=COLORTERM"],
    ...["-o", "LogLevel=ERROR"],
    "root@sandbox",
  ]);
});

test("one word is the shell's line, several arrive as argv", () => {
  assert.deepEqual(sshArgv({ ...target, command: ["cd /srv && ls"] }).slice(-2), ["--", "cd /srv && ls"]);
  assert.deepEqual(sshArgv({ ...target, command: ["echo", "a b", "it's"] }).slice(-2), ["--", `echo 'a b' 'it'\\''s'`]);
  assert.ok(sshArgv({ ...target, tty: "force" }).includes("-tt"));
  assert.ok(sshArgv({ ...target, tty: "never" }).includes("-T"));
});

test("with an emulated guest ssh offers the cheaper key exchange first, and the others still", (t) => {
  assert.ok(!sshArgv(target).some((word) => word.startsWith("KexAlgorithms")));
  const argv = sshArgv({ ...target, isEmulated: true });
  assert.ok(argv.includes("KexAlgorithms=^curve25519-sha256"));
  const kexOf = (words: readonly string[]) => {
    const ssh = spawnSync("ssh", ["-G", ...words], { encoding: "utf8" });
    if (ssh.error === undefined) assert.equal(ssh.status, 0, ssh.stderr);
    return ssh.error === undefined ? (/^kexalgorithms (.*)$/m.exec(ssh.stdout)?.[1]?.split(",") ?? []) : undefined;
  };
  const [own, ours] = [kexOf(sshArgv(target)), kexOf(argv)];
  if (own === undefined || ours === undefined) return t.skip("ssh is not installed");
  assert.equal(ours[0], "curve25519-sha256");
  assert.deepEqual(ours.toSorted(), own.toSorted());
});

test("ssh itself reads odd paths as they are", (t) => {
  const ssh = spawnSync("ssh", ["-G", ...sshArgv(target)], { encoding: "utf8" });
  if (ssh.error !== undefined) return t.skip("ssh is not installed");
  assert.equal(ssh.status, 0, ssh.stderr);
  const config = new Map(ssh.stdout.split("\n").map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]));
  assert.equal(config.get("proxycommand"), "'/opt/my node' /opt/100%%/banger.cjs vm dial sandbox 127.0.0.1:22");
  assert.equal(config.get("hostkeyalias"), "0f3a9c");
  assert.equal(config.get("stricthostkeychecking"), "true");
  assert.equal(config.get("identitiesonly"), "yes");
  assert.match(config.get("userknownhostsfile") ?? "", /a b\/100%/);
});

test("property: words quoted for a shell are the shell's words", () => {
  const word = fc.string({ minLength: 0, maxLength: 12 }).filter((text) => !text.includes("\0"));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
      const shell = spawnSync("sh", ["-c", `printf '%s\\0' ${shellLine(words)}`], { encoding: "utf8" });
      assert.deepEqual(shell.stdout.split("\0").slice(0, -1), words);
    }),
    { numRuns: 40 },
  );
});

test("a known_hosts line", () => {
  assert.equal(knownHostsLine("0f3a9c", "ssh-ed25519 AAAA root@x\n"), "0f3a9c ssh-ed25519 AAAA root@x\n");
});
