import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJailedArgv, relocate } from "./jailed-argv.ts";

test("the VMM's argv and where its files are, out of the jail's", () => {
  const argv =
    "bwrap --unshare-pid --ro-bind /k/bzImage /boot/kernel --bind /v/run /run/vm --chdir / -- /usr/bin/qemu -kernel /boot/kernel";
  assert.deepEqual(parseJailedArgv(argv.split(" ")), {
    program: ["/usr/bin/qemu", "-kernel", "/boot/kernel"],
    binds: [
      { source: "/k/bzImage", target: "/boot/kernel" },
      { source: "/v/run", target: "/run/vm" },
    ],
  });
  assert.throws(() => parseJailedArgv(["sleep", "infinity"]), /no jail/);
});

test("paths move as wholes: an argument, an option's value, a directory before a name", () => {
  const places = new Map([
    ["/disks/base", "/i/base.squashfs"],
    ["/disks/bas", "/wrong"],
    ["/run/vm", "/f/run"],
    ["/boot/kernel", "/k"],
  ]);
  assert.deepEqual(
    relocate(["-kernel", "/boot/kernel", "file.filename=/disks/base,x=y", "path=/run/vm/agent.sock", "/boot/kernels"], places),
    ["-kernel", "/k", "file.filename=/i/base.squashfs,x=y", "path=/f/run/agent.sock", "/boot/kernels"],
  );
});
