import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { planFirecracker } from "./configuration.ts";
import { FakeFirecracker, type FakeHost } from "./fake-rules.ts";

const spec = {
  ...{ vcpu: 2, memoryMib: 512, kernelArguments: ["banger.extra=1"] },
  disks: [
    { id: "base", path: "/images/x", readOnly: true },
    { id: "modules", path: "/images/m", readOnly: true },
    { id: "data", path: "/vms/1/data.ext4", readOnly: false },
  ],
  nic: { tap: "bgr0123456789ab", mac: "02:fc:ac:10:00:05" },
} as const;

describe("Firecracker's configuration", () => {
  it("is accepted as it is, in its order", () => {
    const fake = new FakeFirecracker(anyHost(), "id", "1.16.1");
    for (const { path, body } of planFirecracker(spec)) {
      assert.deepEqual(fake.handle({ method: "PUT", path, body: JSON.stringify(body) }), { status: 204 }, path);
    }
  });

  it("starts last, names no path of the host, and honours the guest's flushes", () => {
    const plan = planFirecracker(spec);
    assert.deepEqual(plan.at(-1), { path: "/actions", body: { action_type: "InstanceStart" } });
    assert.doesNotMatch(JSON.stringify(plan), /\/images|\/vms/);
    const drives = plan.filter(({ path }) => path.startsWith("/drives/"));
    assert.deepEqual(
      drives.map(({ path, body }) => [path, body["is_read_only"], body["cache_type"]]),
      [
        ["/drives/base", true, "Writeback"],
        ["/drives/modules", true, "Writeback"],
        ["/drives/data", false, "Writeback"],
      ],
    );
  });

  it("has no nic where there is none", () => {
    assert.equal(
      planFirecracker({ ...spec, nic: null }).some(({ path }) => path.startsWith("/network")),
      false,
    );
  });
});

describe("the fake refuses what Firecracker refuses", () => {
  const put = (fake: FakeFirecracker, path: string, body: unknown) =>
    fake.handle({ method: "PUT", path, body: typeof body === "string" ? body : JSON.stringify(body) }).status;
  const fresh = (change: Partial<FakeHost> = {}) => new FakeFirecracker({ ...anyHost(), ...change }, "id", "1.16.1");
  const drive = { drive_id: "data", path_on_host: "/d", is_root_device: false, is_read_only: false };
  const start = { action_type: "InstanceStart" };

  it("unknown fields, missing fields, wrong types, wrong values", () => {
    assert.equal(put(fresh(), "/machine-config", { vcpu_count: 1, mem_size_mib: 128 }), 204);
    assert.equal(put(fresh(), "/machine-config", { vcpu_count: 1, mem_size_mib: 128, ht_enabled: true }), 400);
    assert.equal(put(fresh(), "/machine-config", { vcpu_count: 1 }), 400);
    assert.equal(put(fresh(), "/machine-config", { vcpu_count: "1", mem_size_mib: 128 }), 400);
    assert.equal(put(fresh(), "/machine-config", { vcpu_count: 33, mem_size_mib: 128 }), 400);
    assert.equal(put(fresh(), "/vsock", { guest_cid: 2, uds_path: "/v" }), 400);
    assert.equal(put(fresh(), "/entropy", "null"), 400);
    assert.equal(put(fresh(), "/entropy", "{"), 400);
  });

  it("a drive whose ids differ or hold other characters, and a second root", () => {
    const fake = fresh();
    assert.equal(put(fake, "/drives/base", drive), 400);
    assert.equal(put(fake, "/drives/my-data", { ...drive, drive_id: "my-data" }), 400);
    assert.equal(put(fake, "/drives", drive), 400);
    assert.equal(put(fake, "/drives/data", { ...drive, is_root_device: true }), 204);
    assert.equal(put(fake, "/drives/other", { ...drive, drive_id: "other", is_root_device: true }), 400);
  });

  it("files and sockets that are not there or in the way", () => {
    const throws = () => {
      throw new Error("no");
    };
    assert.equal(put(fresh({ openFile: throws }), "/drives/data", drive), 400);
    assert.equal(put(fresh({ openFile: throws }), "/boot-source", { kernel_image_path: "/k" }), 400);
    assert.equal(put(fresh({ listenVsock: throws }), "/vsock", { guest_cid: 3, uds_path: "/v" }), 400);
    assert.equal(put(fresh({ openTap: throws }), "/network-interfaces/eth0", { iface_id: "eth0", host_dev_name: "t" }), 400);
  });

  it("a start without a kernel, of a bzImage, a second start, and anything configured after it", () => {
    assert.equal(put(fresh(), "/actions", start), 400);
    const compressed = fresh({ isElf: () => false });
    put(compressed, "/boot-source", { kernel_image_path: "/k" });
    assert.equal(put(compressed, "/actions", start), 400);
    const fake = fresh();
    put(fake, "/boot-source", { kernel_image_path: "/k" });
    assert.equal(put(fake, "/actions", start), 204);
    assert.equal(put(fake, "/actions", start), 400);
    assert.equal(put(fake, "/drives/data", drive), 400);
    assert.equal(put(fake, "/actions", { action_type: "Reset" }), 400);
  });

  it("other methods and paths", () => {
    const fake = fresh();
    assert.equal(fake.handle({ method: "POST", path: "/actions", body: JSON.stringify(start) }).status, 400);
    assert.equal(fake.handle({ method: "GET", path: "/version", body: "{}" }).status, 400);
    assert.equal(fake.handle({ method: "GET", path: "/version", body: "" }).status, 200);
    assert.equal(put(fake, "/nothing", {}), 400);
    assert.equal(put(fake, "/constructor", {}), 400);
    assert.equal(put(fake, "/entropy", ""), 400);
  });
});

function anyHost(): FakeHost {
  return { openFile: () => undefined, openTap: () => undefined, listenVsock: () => undefined, isElf: () => true, boot: () => undefined };
}
