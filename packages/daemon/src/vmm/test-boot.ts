// Boot files for tests that boot a real guest: made by `make` and named by BANGER_TEST_BOOT_DIR.
import { existsSync } from "node:fs";
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
