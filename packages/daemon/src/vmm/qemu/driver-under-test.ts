// The QEMU driver as its tests use it.
import { QemuDriver } from "./driver.ts";

export function createDriver(): QemuDriver {
  return new QemuDriver({ searchPath: process.env["PATH"] ?? "", runAs: null, agentPath: process.env["BANGER_TEST_AGENT"] ?? "" });
}
