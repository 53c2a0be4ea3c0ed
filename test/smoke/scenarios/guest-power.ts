import assert from "node:assert/strict";
import type { Vm } from "@banger/api";
import { greetingOn } from "../ports.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { showVm, untilBootedAgain, untilStopped } from "../seen-vm.ts";
import { SIZE } from "../vm-size.ts";

export default {
  name: "guest-power",
  description: "A guest that reboots keeps address, ports and data; powered off or stopped it loses no write; a command under it is told",
  class: "pure",
  needs: [],
  async run(context) {
    const { boot, ok, inGuest } = context;
    // sshd's greeting tells that a port answers, also right after a boot.
    const vm = await boot("--publish", "0:22");
    const before = await showVm(context, vm);
    await greets(context, before);
    await inGuest(vm, "sh", "-c", "echo first > /root/file");
    await context.banger(["vm", "exec", vm, "--", "systemctl", "reboot"]);
    const after = await untilBootedAgain(context, before);
    assert.deepEqual([after.address, after.forwards], [before.address, before.forwards]);
    await greets(context, after);

    await inGuest(vm, "sh", "-c", "cat /root/file > /root/second; echo fresh >> /root/second");
    await ok("vm", "stop", vm);
    assert.equal((await showVm(context, vm)).stopReason?.code, "requested");
    await ok("vm", "start", vm);
    assert.equal(await inGuest(vm, "cat", "/root/second"), "first\nfresh", "no write is lost");
    await underACommand(context);
  },
} satisfies Scenario;

async function underACommand(context: ScenarioContext): Promise<void> {
  const { banger, ok, name } = context;
  const vm = name("command");
  const run = async (...args: readonly string[]) => {
    const ended = await banger([...args, "--", "sh", "-c", "poweroff -f; sleep 600"]);
    assert.equal(ended.status, 125, "it told no status");
    assert.match(ended.stderr, /^error: .*(the connection to the guest|the channel) ended/m);
  };
  await run("vm", "run", "--name", vm, ...SIZE);
  assert.equal((await untilStopped(context, vm)).stopReason?.code, "guest_poweroff");
  assert.match((await ok("vm", "list")).stdout, new RegExp(`^${vm} +stopped \\(powered off\\) `, "m"));
  await ok("vm", "start", vm);
}

async function greets({ until }: ScenarioContext, { forwards }: Vm): Promise<void> {
  const [forward] = forwards;
  assert.ok(forward !== undefined);
  assert.match(await until("the published port answers", () => greetingOn(forward.hostPort)), /^SSH-2\.0-/);
}
