import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { installCommand, locatePrograms } from "./programs.ts";

test("what to type is in the words of the distribution, each package once", () => {
  const command = (osRelease: string) => installCommand(["pasta", "ip", "nsenter", "unshare"], osRelease);
  assert.equal(command('ID=debian\nVERSION_ID="12"\n'), "sudo apt install passt iproute2 util-linux");
  assert.equal(command('ID=linuxmint\nID_LIKE="ubuntu debian"\n'), "sudo apt install passt iproute2 util-linux");
  assert.equal(command("ID=fedora\n"), "sudo dnf install passt iproute util-linux");
  assert.equal(command('ID="rocky"\nID_LIKE="rhel centos fedora"\n'), "sudo dnf install passt iproute util-linux");
  assert.equal(command("ID=arch\n"), "sudo pacman -S passt iproute2 util-linux");
  assert.equal(command('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n'), "sudo zypper install passt iproute2 util-linux");
  assert.equal(command("ID=alpine\n"), "sudo apk add passt iproute2 util-linux");
  assert.equal(command(""), "install passt, iproute2, util-linux with your package manager");
});

test("programs are found on the given path first, and by absolute path", async () => {
  const directory = await mkdtemp(join(tmpdir(), "banger-programs-"));
  try {
    await writeFile(join(directory, "pasta"), "");
    await chmod(join(directory, "pasta"), 0o755);
    await writeFile(join(directory, "ip"), "");
    const { found } = await locatePrograms(`relative:${directory}`);
    assert.equal(found.pasta, join(directory, "pasta"));
    assert.notEqual(found.ip, join(directory, "ip"), "not executable");
    assert.ok(Object.values(found).every((path) => path.startsWith("/")));
  } finally {
    await rm(directory, { recursive: true });
  }
});
