import assert from "node:assert/strict";
import type { Scenario, ScenarioContext } from "../scenario.ts";

const WANTED = {
  permitrootlogin: "without-password",
  passwordauthentication: "no",
  kbdinteractiveauthentication: "no",
  pubkeyauthentication: "yes",
  strictmodes: "yes",
  permitemptypasswords: "no",
  x11forwarding: "no",
  loglevel: "INFO",
} as const;
/** A password that root has, and a key of its own; `attempt` says by which it tries to get in from within. */
const PREPARE = `echo root:secret | chpasswd
printf '#!/bin/sh\\necho secret\\n' > /root/askpass && chmod 700 /root/askpass
ssh-keygen -q -t ed25519 -N '' -f /root/key`;
const ATTEMPT = `SSH_ASKPASS=/root/askpass SSH_ASKPASS_REQUIRE=force exec ssh -F none -o StrictHostKeyChecking=no \\
  -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o NumberOfPasswordPrompts=1 -o IdentitiesOnly=yes -i /root/key \\
  -o PreferredAuthentications="$1" root@127.0.0.1 echo in`;

export default {
  name: "sshd",
  description: "The running sshd is hardened: root by a key that is known only, no passwords, StrictModes",
  class: "pure",
  needs: [],
  async run(context) {
    const { boot, ok, inGuest } = context;
    const vm = await boot("--wait", "ssh");
    const title = await inGuest(vm, "sh", "-c", "tr '\\0' ' ' < /proc/$(cat /run/sshd.pid)/cmdline");
    const [, config] = /^sshd: \/usr\/sbin\/sshd -D -f (\S+) \[listener\]/.exec(title) ?? [];
    assert.ok(config !== undefined, title);
    const effective = (await inGuest(vm, "/usr/sbin/sshd", "-T", "-f", config)).toLowerCase();
    for (const [key, value] of Object.entries(WANTED)) assert.match(effective, new RegExp(`^${key} ${value.toLowerCase()}$`, "m"));
    assert.equal((await ok("vm", "ssh", vm, "--", "id", "-un")).stdout, "root\n");
    assert.equal(await inGuest(vm, "sh", "-c", "ls /etc/ssh/ssh_host_* 2>/dev/null | wc -l"), "0", "no host key in the image");
    assert.equal(await inGuest(vm, "stat", "-c", "%a %U", "/run/banger/ssh/host_key"), "600 root");
    await isShutTo(context, vm);
  },
} satisfies Scenario;

async function isShutTo({ banger, inGuest }: ScenarioContext, vm: string): Promise<void> {
  await inGuest(vm, "sh", "-c", PREPARE);
  const attempt = (methods: string) => banger(["vm", "exec", vm, "--", "sh", "-c", ATTEMPT, "sh", methods]);
  for (const methods of ["password,keyboard-interactive", "publickey"]) {
    const { status, stderr } = await attempt(methods);
    assert.deepEqual([status, stderr.trim()], [255, "root@127.0.0.1: Permission denied (publickey)."], methods);
  }
  await inGuest(vm, "sh", "-c", "install -d -m 700 /root/.ssh && cat /root/key.pub >> /root/.ssh/authorized_keys");
  assert.equal((await attempt("publickey")).stdout, "in\n", "what was tried works with a key that is known");
}
