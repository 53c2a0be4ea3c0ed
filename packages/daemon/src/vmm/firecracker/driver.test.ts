import { vmmContract } from "../contract-suite.ts";
import { kvmMissing, NO_BOOT_FILES, NO_FILES, testBootFiles } from "../test-boot.ts";
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
  const noKvm = kvmMissing();
  if (noKvm !== false) return noKvm;
  return createDriver()
    .version()
    .then(
      () => false,
      (error: unknown) => String(error),
    );
}
