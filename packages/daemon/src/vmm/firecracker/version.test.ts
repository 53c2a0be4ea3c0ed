import assert from "node:assert/strict";
import { it } from "node:test";
import { checkFirecrackerVersion } from "./version.ts";

const output = (version: string) => `Firecracker v${version}\n\n2026-01-01T00:00:00 [anonymous-instance:main] exiting\n`;

it("takes what can be used, also a build between releases", () => {
  for (const version of ["1.8.0", "1.13.1", "1.16.1", "1.17.0-dev", "2.0.0"])
    assert.equal(checkFirecrackerVersion(output(version)), version);
});

it("refuses what announces no devices, and what does not tell", () => {
  assert.throws(() => checkFirecrackerVersion(output("1.7.0")), { code: "vmm.unsupported", message: /1\.7\.0.*ACPI/ });
  assert.throws(() => checkFirecrackerVersion("command not found"), { code: "vmm.unsupported" });
});

it("knows the flaws of parts that are not used, for the day they are", () => {
  for (const version of ["1.13.1", "1.14.0"]) assert.throws(() => checkFirecrackerVersion(output(version), ["jailer"]), /CVE-2026-1386/);
  for (const version of ["1.13.2", "1.14.1"]) assert.equal(checkFirecrackerVersion(output(version), ["jailer"]), version);
  for (const version of ["1.14.3", "1.15.0"]) assert.throws(() => checkFirecrackerVersion(output(version), ["pci"]), /CVE-2026-5747/);
  for (const version of ["1.14.4", "1.15.1", "1.16.0"]) assert.equal(checkFirecrackerVersion(output(version), ["pci"]), version);
});
