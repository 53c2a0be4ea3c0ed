import assert from "node:assert/strict";
import { test } from "node:test";
import { familyOf, installCommand, packagesOf, programMissing, readOsRelease } from "./host-programs.ts";

test("distributions are told by ID and ID_LIKE", () => {
  assert.equal(familyOf('NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n'), "apt");
  assert.equal(familyOf('ID="rocky"\nID_LIKE="rhel centos fedora"\n'), "dnf");
  assert.equal(familyOf("ID=endeavouros\nID_LIKE=arch\n"), "pacman");
  assert.equal(familyOf("ID=nixos\n"), undefined);
  assert.equal(familyOf(""), undefined);
  assert.equal(readOsRelease("/not/there"), "");
});

test("what to type is in the words of the distribution, each package once", () => {
  const command = (osRelease: string) => installCommand(packagesOf(["pasta", "ip", "nsenter", "unshare", "unheard-of"]), osRelease);
  assert.equal(command('ID=debian\nVERSION_ID="12"\n'), "sudo apt install passt iproute2 util-linux");
  assert.equal(command("ID=fedora\n"), "sudo dnf install passt iproute util-linux");
  assert.equal(command("ID=arch\n"), "sudo pacman -S passt iproute2 util-linux");
  assert.equal(command("ID=alpine\n"), "install with your package manager (Debian's names): passt iproute2 util-linux");
});

test("a missing program comes with its command, one of unknown origin with the doctor", () => {
  assert.match(programMissing("mkfs.ext4").hint ?? "", /e2fsprogs$/);
  assert.deepEqual(programMissing("unheard-of").toBody(), {
    code: "host.command_missing",
    message: "unheard-of is not installed",
    hint: "banger doctor",
    details: { program: "unheard-of" },
  });
});
