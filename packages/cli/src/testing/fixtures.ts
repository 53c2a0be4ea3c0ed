// Resources of the API for tests.
import type { Image, Vm } from "@banger/api";

export function fakeVm(over: Partial<Vm> = {}): Vm {
  return {
    id: "0f3a9c",
    name: "sandbox",
    status: "running",
    stopReason: null,
    image: "debian-bookworm",
    imageDigest: "sha256:aa",
    vcpu: 2,
    memoryMib: 2048,
    diskBytes: 8 * 1024 ** 3,
    diskUsedBytes: 307 * 1024 ** 2,
    driver: "qemu",
    accelerator: "tcg",
    address: "172.16.0.2",
    egress: "full",
    networkLost: false,
    pauseReason: null,
    noNetwork: null,
    forwards: [],
    readiness: ["agent", "basic"],
    bootId: "b-1",
    pid: 77,
    leased: false,
    createdAt: "2026-01-01T00:00:00.000Z",
    startedAt: "2026-01-01T00:00:00.000Z",
    sshHostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHostKey",
    workspaces: [],
    ...over,
  };
}

export function fakeImage(over: Partial<Image> = {}): Image {
  return {
    name: "debian-bookworm",
    status: "ready",
    outdated: false,
    digest: "sha256:aa",
    sizeBytes: 366 * 1024 ** 2,
    arch: "amd64",
    origin: "recipe",
    kernel: "6.1.0-56-cloud-amd64",
    createdAt: "2026-01-01T00:00:00.000Z",
    usedBy: ["sandbox"],
    ...over,
  };
}
