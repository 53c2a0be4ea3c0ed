import { accessSync, constants } from "node:fs";
import { vmmContract } from "../contract-suite.ts";
import { NO_BOOT_FILES, NO_FILES, testBootFiles } from "../test-boot.ts";
import { createDriver } from "./driver-under-test.ts";

const boot = testBootFiles();

vmmContract(
  {
    name: "Firecracker",
    module: new URL("driver-under-test.ts", import.meta.url).href,
    createDriver,
    boot: boot ?? NO_FILES,
    accelerator: "kvm",
  },
  await missing(),
);

async function missing(): Promise<string | false> {
  if (boot === undefined) return NO_BOOT_FILES;
  // A device node says nothing (docs/architecture.md): that KVM truly works here is for whoever runs the tests to say.
  if (process.env["BANGER_TEST_KVM"] !== "1") return "no KVM known to work: BANGER_TEST_KVM is not 1";
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    await createDriver().version();
    return false;
  } catch (error) {
    return String(error);
  }
}
