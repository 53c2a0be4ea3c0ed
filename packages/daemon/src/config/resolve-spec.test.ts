import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BangerError, GIB, MIB } from "@banger/api";
import fc from "fast-check";
import type { Config, HostResources } from "./contract.ts";
import { readHostResources } from "./host-resources.ts";
import { chooseSpec, resolveSpec } from "./resolve-spec.ts";
import { DEFAULT_CONFIG } from "./settings.ts";

const HOST: HostResources = { cpus: 8, memoryTotalBytes: 24 * GIB, memoryAvailableBytes: 21 * GIB };
const withDefaults = (vmDefaults: Config["vmDefaults"]): Config => ({ ...DEFAULT_CONFIG, vmDefaults });

test("nothing asked for: the host's share, and constants", () => {
  assert.deepEqual(resolveSpec({}, DEFAULT_CONFIG, HOST), {
    vcpu: { value: 2, source: "host" },
    memoryMib: { value: 3072, source: "host" },
    diskBytes: { value: 8 * GIB, source: "default" },
    image: { value: "debian-bookworm", source: "default" },
  });
});

test("flags win over config, config over the host", () => {
  const config = { ...withDefaults({ vcpu: 3, memoryMib: 1024, diskBytes: 16 * GIB }), defaultImageName: "alpine" };
  assert.deepEqual(resolveSpec({ vcpu: 5 }, config, HOST), {
    vcpu: { value: 5, source: "flag" },
    memoryMib: { value: 1024, source: "config" },
    diskBytes: { value: 16 * GIB, source: "config" },
    image: { value: "alpine", source: "config" },
  });
  assert.deepEqual(resolveSpec({ image: "fedora" }, config, HOST).image, { value: "fedora", source: "flag" });
});

test("hosts from one core with 2 GiB to 128 cores with 1 TiB", () => {
  const defaults = (cpus: number, gib: number) => {
    const spec = resolveSpec({}, DEFAULT_CONFIG, { cpus, memoryTotalBytes: gib * GIB, memoryAvailableBytes: gib * GIB });
    return [spec.vcpu.value, spec.memoryMib.value];
  };
  assert.deepEqual(defaults(1, 2), [1, 512]);
  assert.deepEqual(defaults(4, 15.6), [1, 2048]);
  assert.deepEqual(defaults(16, 32), [4, 4096]);
  assert.deepEqual(defaults(128, 1024), [4, 8192]);
});

test("more memory than the host has", () => {
  assert.throws(() => resolveSpec({ memoryMib: 64 * 1024 }, DEFAULT_CONFIG, HOST), {
    code: "host.resources",
    message: "64 GiB of memory is more than this host has (24 GiB, 21 GiB available)",
    hint: "--memory 16G, or banger config show vm_defaults",
  });
  assert.throws(() => resolveSpec({}, withDefaults({ memoryMib: 64 * 1024 }), HOST), {
    message: "64 GiB of memory (config) is more than this host has (24 GiB, 21 GiB available)",
  });
});

test("more disk than the host has; as much as it has is fine, for the disk is sparse", () => {
  const host = { ...HOST, disk: { totalBytes: 252 * GIB, availableBytes: 77 * GIB } };
  assert.throws(() => resolveSpec({ diskBytes: 1024 * GIB }, DEFAULT_CONFIG, host), {
    code: "host.resources",
    message: "1 TiB of disk is more than this host has (252 GiB, 77 GiB available)",
    hint: "--disk-size 64G, or banger config show vm_defaults",
  });
  assert.equal(resolveSpec({ diskBytes: 200 * GIB }, DEFAULT_CONFIG, host).diskBytes.value, 200 * GIB);
});

test("the default disk fits the file system, and defaults that do not are still told", () => {
  const host = { ...HOST, disk: { totalBytes: 700 * MIB, availableBytes: 100 * MIB } };
  assert.deepEqual(resolveSpec({}, DEFAULT_CONFIG, host).diskBytes, { value: 512 * MIB, source: "host" });
  const config = { ...withDefaults({ diskBytes: 16 * GIB }), defaultImageName: "alpine" };
  assert.throws(() => resolveSpec({}, config, host), { code: "host.resources" });
  const { diskBytes, image } = chooseSpec({}, config, host);
  assert.deepEqual([diskBytes.value, image.value], [16 * GIB, "alpine"]);
});

test("zero, negative and broken numbers", () => {
  for (const bad of [0, -1, 1.5, Number.NaN, 65, Number.POSITIVE_INFINITY]) {
    assert.throws(() => resolveSpec({ vcpu: bad }, DEFAULT_CONFIG, HOST), { code: "vm.bad_spec" }, `vcpu ${bad}`);
  }
  for (const bad of [0, -1, 63, Number.NaN]) {
    assert.throws(() => resolveSpec({ memoryMib: bad }, DEFAULT_CONFIG, HOST), { code: "vm.bad_spec" }, `memory ${bad}`);
    assert.throws(() => resolveSpec({ diskBytes: bad }, DEFAULT_CONFIG, HOST), { code: "vm.bad_spec" }, `disk ${bad}`);
  }
  assert.throws(() => resolveSpec({ memoryMib: 0 }, DEFAULT_CONFIG, HOST), {
    message: "0 MiB of memory is too little for a VM: at least 64 MiB is needed",
  });
});

test("the defaults fit every host with 512 MiB, and whatever is refused is refused as banger refuses", () => {
  const host = fc.record({ cpus: fc.integer({ min: 1, max: 512 }), mib: fc.integer({ min: 512, max: 4 * 1024 * 1024 }) });
  const number = fc.option(fc.oneof(fc.integer(), fc.double()), { nil: undefined });
  fc.assert(
    fc.property(host, number, number, ({ cpus, mib }, vcpu, memoryMib) => {
      const resources = { cpus, memoryTotalBytes: mib * MIB, memoryAvailableBytes: (mib * MIB) / 2 };
      const defaults = resolveSpec({}, DEFAULT_CONFIG, resources);
      assert.ok(defaults.vcpu.value >= 1 && defaults.vcpu.value <= 4);
      assert.ok(defaults.memoryMib.value >= 512 && defaults.memoryMib.value <= 8192);
      try {
        const spec = resolveSpec({ vcpu, memoryMib }, DEFAULT_CONFIG, resources);
        assert.ok(spec.memoryMib.value <= mib && spec.memoryMib.value >= 64);
      } catch (error) {
        assert.ok(error instanceof BangerError, String(error));
      }
    }),
  );
});

test("this host is read, also for a directory that is not there yet", async () => {
  const host = await readHostResources(join(tmpdir(), "no-such-directory/below"));
  assert.ok(host.cpus >= 1);
  assert.ok(host.memoryAvailableBytes > 0 && host.memoryAvailableBytes <= host.memoryTotalBytes);
  assert.ok(host.disk !== undefined && host.disk.availableBytes <= host.disk.totalBytes);
});
