import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

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

export default {
  name: "sshd",
  description: "sshd's effective configuration is hardened: root by key only, no passwords, StrictModes",
  class: "pure",
  needs: [],
  async run({ boot, ok, inGuest }) {
    const vm = await boot();
    const effective = (await inGuest(vm, "/usr/sbin/sshd", "-T", "-f", "/run/banger/ssh/sshd_config")).toLowerCase();
    for (const [key, value] of Object.entries(WANTED)) assert.match(effective, new RegExp(`^${key} ${value.toLowerCase()}$`, "m"));
    assert.equal((await ok("vm", "ssh", vm, "--", "id", "-un")).stdout, "root\n");
    assert.equal(await inGuest(vm, "sh", "-c", "ls /etc/ssh/ssh_host_* 2>/dev/null | wc -l"), "0", "no host key in the image");
    assert.equal(await inGuest(vm, "stat", "-c", "%a %U", "/run/banger/ssh/host_key"), "600 root");
  },
} satisfies Scenario;
