import { findProgram } from "@banger/host";
import { vmmContract } from "../contract-suite.ts";
import { kvmMissing, NO_BOOT_FILES, NO_FILES, testBootFiles } from "../test-boot.ts";
import { createDriver } from "./driver-under-test.ts";

const boot = testBootFiles();
const searchPath = process.env["PATH"] ?? "";
const missing = await Promise.all(
  ["qemu-system-x86_64", "bwrap"].map(async (name) => ((await findProgram(name, searchPath)) === undefined ? name : undefined)),
);
const absent = missing.filter((name) => name !== undefined);

const subject = { module: new URL("driver-under-test.ts", import.meta.url).href, createDriver, boot: boot ?? NO_FILES };
const skip = absent.length > 0 ? `not installed: ${absent.join(", ")}` : boot === undefined ? NO_BOOT_FILES : false;

vmmContract({ ...subject, name: "QEMU under emulation", accelerator: "tcg" }, skip);
vmmContract({ ...subject, name: "QEMU with KVM", accelerator: "kvm" }, skip === false ? kvmMissing() : skip);
