import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bootModuleOrder, moduleName } from "./boot-modules.ts";

const CLOUD_KERNEL = {
  dep: `kernel/drivers/char/hw_random/virtio-rng.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/net/net_failover.ko: kernel/net/core/failover.ko
kernel/net/core/failover.ko:
kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/virtio/virtio_ring.ko:
`,
  builtin: "kernel/fs/ext4/ext4.ko\nkernel/lib/crc32.ko\n",
};

test("modules come after what they need; built-in ones are left out", () => {
  assert.deepEqual(bootModuleOrder(["virtio_net", "virtio_rng", "ext4"], CLOUD_KERNEL), {
    order: [
      "kernel/net/core/failover.ko",
      "kernel/drivers/net/net_failover.ko",
      "kernel/drivers/virtio/virtio_ring.ko",
      "kernel/drivers/virtio/virtio.ko",
      "kernel/drivers/net/virtio_net.ko",
      "kernel/drivers/char/hw_random/virtio-rng.ko",
    ],
    missing: [],
  });
});

test("what the kernel does not have at all is named", () => {
  assert.deepEqual(bootModuleOrder(["squashfs", "ext4"], CLOUD_KERNEL), { order: [], missing: ["squashfs"] });
});

test("a module's name is the kernel's, whatever its file is called", () => {
  assert.equal(moduleName("kernel/drivers/char/hw_random/virtio-rng.ko.xz"), "virtio_rng");
});

test("for any dependencies each module stands once and after all of its own", () => {
  const graph = fc
    .integer({ min: 1, max: 12 })
    .chain((size) =>
      fc.tuple(...Array.from({ length: size }, (_, index) => fc.subarray(Array.from({ length: index }, (_unused, earlier) => earlier)))),
    );
  fc.assert(
    fc.property(graph, fc.boolean(), (needs, reversed) => {
      const path = (index: number) => `kernel/m${index}.ko`;
      const lines = needs.map((needed, index) => `${path(index)}: ${needed.map(path).join(" ")}`);
      const wanted = needs.map((_, index) => `m${index}`);
      const { order } = bootModuleOrder(reversed ? wanted.toReversed() : wanted, { dep: lines.join("\n"), builtin: "" });
      assert.equal(new Set(order).size, needs.length);
      for (const [index, needed] of needs.entries()) {
        for (const one of needed) assert.ok(order.indexOf(path(one)) < order.indexOf(path(index)));
      }
    }),
  );
});
