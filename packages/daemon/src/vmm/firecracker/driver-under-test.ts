// The Firecracker driver as its tests use it with the real program.
import { FirecrackerDriver } from "./driver.ts";

export function createDriver(): FirecrackerDriver {
  return new FirecrackerDriver({
    searchPath: process.env["PATH"] ?? "",
    firecrackerBin: async () => process.env["BANGER_FIRECRACKER"] ?? null,
    runAs: null,
  });
}
