import assert from "node:assert/strict";
import { it } from "node:test";
import { checkQemuVersion } from "./installation.ts";

it("reads QEMU's version and refuses one that is too old", () => {
  assert.equal(checkQemuVersion("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\nCopyright\n"), "7.2.22");
  assert.equal(checkQemuVersion("QEMU emulator version 10.0.2\n"), "10.0.2");
  assert.throws(() => checkQemuVersion("QEMU emulator version 5.2.0 (Debian)\n"), { code: "vmm.unsupported", message: /5\.2\.0/ });
  assert.throws(() => checkQemuVersion("qemu?"), { code: "vmm.unsupported" });
});
