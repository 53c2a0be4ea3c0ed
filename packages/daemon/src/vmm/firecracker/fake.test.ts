import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "@banger/host";
import { vmmContract } from "../contract-suite.ts";
import type { BootFiles } from "../contract.ts";
import { createDriver } from "./fake-under-test.ts";

const bwrap = await findProgram("bwrap", process.env["PATH"] ?? "");

vmmContract(
  {
    name: "the fake Firecracker",
    module: new URL("fake-under-test.ts", import.meta.url).href,
    createDriver,
    boot: scriptedBoot(),
    accelerator: "kvm",
  },
  bwrap === undefined ? "not installed: bwrap" : false,
);

/** Files that look like a kernel as far as the fake looks. */
function scriptedBoot(): BootFiles {
  const directory = mkdtempSync(join(tmpdir(), "banger-fake-boot-"));
  const vmlinux = join(directory, "vmlinux");
  const initramfs = join(directory, "initramfs.cpio");
  writeFileSync(vmlinux, "\u007fELF scripted");
  writeFileSync(initramfs, "");
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  return { bzImage: "/nowhere", vmlinux, initramfs };
}
