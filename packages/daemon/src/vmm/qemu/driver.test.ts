import { vmmContract } from "../contract-suite.ts";
import { findProgram } from "../program.ts";
import { NO_BOOT_FILES, NO_FILES, testBootFiles } from "../test-boot.ts";
import { createDriver } from "./driver-under-test.ts";

const boot = testBootFiles();
const searchPath = process.env["PATH"] ?? "";
const missing = await Promise.all(
  ["qemu-system-x86_64", "bwrap"].map(async (name) => ((await findProgram(name, searchPath)) === undefined ? name : undefined)),
);
const absent = missing.filter((name) => name !== undefined);

vmmContract(
  {
    name: "QEMU under emulation",
    module: new URL("driver-under-test.ts", import.meta.url).href,
    createDriver,
    boot: boot ?? NO_FILES,
    accelerator: "tcg",
  },
  absent.length > 0 ? `not installed: ${absent.join(", ")}` : boot === undefined ? NO_BOOT_FILES : false,
);
