import assert from "node:assert/strict";
import { test } from "node:test";
import { afterEnd, announcedOnConsole, lastSignOfLife, REBOOT_LIMIT, type EndedVmm } from "./ending.ts";

const ended = (change: Partial<EndedVmm>): EndedVmm => ({
  exit: { status: 0, signal: null },
  killedBy: null,
  announced: null,
  consoleTail: "",
  reboots: [],
  unreadyReboots: 0,
  wasReady: true,
  nowMs: 1_000_000,
  ...change,
});
const reasonOf = (change: Partial<EndedVmm>) => {
  const after = afterEnd(ended(change));
  return after.action === "stopped" ? after.reason.code : after.action;
};

test("each way to end is told apart", () => {
  assert.equal(reasonOf({ announced: "poweroff" }), "guest_poweroff");
  assert.equal(reasonOf({ announced: "halt" }), "guest_poweroff");
  assert.equal(reasonOf({ announced: "reboot" }), "boot-again");
  assert.equal(reasonOf({ consoleTail: "VFS: unable\nKernel panic - not syncing: no root" }), "guest_panic");
  assert.equal(reasonOf({ exit: { status: null, signal: "SIGKILL" } }), "killed");
  assert.equal(reasonOf({ exit: { status: 137, signal: null } }), "killed");
  assert.equal(reasonOf({ killedBy: "SIGTERM" }), "killed", "QEMU ends with status 0 then");
  assert.equal(reasonOf({ killedBy: "SIGKILL", announced: "reboot" }), "killed");
  assert.equal(reasonOf({ exit: { status: 1, signal: null } }), "crashed");
  assert.equal(reasonOf({ exit: { status: null, signal: null } }), "crashed");
});

test("a boot loop ends after the limit, old reboots forgotten", () => {
  const now = 10_000_000;
  const close = Array.from({ length: REBOOT_LIMIT }, (_, index) => now - index * 1000);
  assert.equal(reasonOf({ announced: "reboot", reboots: close, nowMs: now }), "reboot_loop");
  const old = close.map((at) => at - 3_600_000);
  assert.deepEqual(afterEnd(ended({ announced: "reboot", reboots: old, nowMs: now })), {
    action: "boot-again",
    reboots: [now],
    unreadyReboots: 0,
  });
});

test("a boot loop too slow for the window ends when it was never ready in between", () => {
  const reboot = (wasReady: boolean | null, unreadyReboots: number) => afterEnd(ended({ announced: "reboot", wasReady, unreadyReboots }));
  assert.deepEqual(reboot(false, 1), { action: "boot-again", reboots: [1_000_000], unreadyReboots: 2 });
  assert.deepEqual(reboot(true, 4), { action: "boot-again", reboots: [1_000_000], unreadyReboots: 0 });
  assert.deepEqual(reboot(null, 4), { action: "boot-again", reboots: [1_000_000], unreadyReboots: 4 });
  const detail = `it rebooted ${REBOOT_LIMIT + 1} times in a row before it was ready`;
  assert.deepEqual(reboot(false, REBOOT_LIMIT), { action: "stopped", reason: { code: "reboot_loop", detail } });
});

test("the last announcement on the console counts", () => {
  assert.equal(announcedOnConsole("x\r\nbanger-agent: guest is going down: reboot\r\n"), "reboot");
  assert.equal(announcedOnConsole("nothing"), null);
});

test("the kernel's last words tell where the agent said nothing", () => {
  assert.equal(announcedOnConsole("[  369.513942] reboot: Restarting system\r\n"), "reboot");
  assert.equal(announcedOnConsole("x\n[    5.550310] reboot: Power down\n"), "poweroff");
  assert.equal(announcedOnConsole("[  225.550310] reboot: System halted"), "halt");
  assert.equal(announcedOnConsole("reboot: System halted\n# [ 1.0] reboot: Power down\n# "), null, "not the kernel's");
  assert.equal(announcedOnConsole("progress: 42 %[  225.550310] reboot: Restarting system\r\n"), "reboot", "behind a line without an end");
});

test("the last sign of life is the panic, else the last line, with control characters shown", () => {
  assert.equal(lastSignOfLife("a\nKernel panic - not syncing\r\nrebooting\n"), 'console, "Kernel panic - not syncing"');
  assert.equal(lastSignOfLife("one\ntwo\u001b[2J\n\n"), 'console, "two\\\\x1b[2J"');
  assert.equal(lastSignOfLife(""), "nothing on the console");
});
