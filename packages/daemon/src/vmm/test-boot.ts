// Boot files for tests that boot a real guest: made by `make` and named by BANGER_TEST_BOOT_DIR.
import { accessSync, constants, existsSync } from "node:fs";
import { join } from "node:path";
import type { BootFiles } from "./contract.ts";

export function testBootFiles(): BootFiles | undefined {
  const directory = process.env["BANGER_TEST_BOOT_DIR"];
  if (directory === undefined) return undefined;
  const files = { bzImage: join(directory, "bzImage"), vmlinux: join(directory, "vmlinux"), initramfs: join(directory, "initramfs.cpio") };
  return Object.values(files).every((path) => existsSync(path)) ? files : undefined;
}

export const NO_BOOT_FILES = "no boot files: BANGER_TEST_BOOT_DIR does not name a directory with bzImage, vmlinux and initramfs.cpio";
/** Stands in where a suite is skipped and nothing will be booted. */
export const NO_FILES: BootFiles = { bzImage: "", vmlinux: "", initramfs: "" };

/** Why tests with KVM are skipped. A device node says nothing, so whoever runs the tests says that KVM truly works. */
export function kvmMissing(): string | false {
  if (process.env["BANGER_TEST_KVM"] !== "1") return "no KVM known to work: BANGER_TEST_KVM is not 1";
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    return false;
  } catch (error) {
    return String(error);
  }
}
