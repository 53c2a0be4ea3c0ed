// A host on which every check is content, for tests to spoil one thing at a time.
import { mkdtemp, mkdir, writeFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BangerError, GIB, HOST_PROGRAMS } from "@banger/api";
import type { RunOptions, RunResult } from "@banger/host";
import type { ReadyImage } from "../images/contract.ts";
import type { DoctorDeps, HostFiles } from "./deps.ts";

export interface FakeHost extends AsyncDisposable {
  /** Temporary directory that stands for the host's file system. */
  readonly root: string;
  readonly deps: DoctorDeps;
  /** Commands that were run. */
  readonly ran: string[][];
}

const READY_IMAGE: ReadyImage = {
  name: "debian-bookworm",
  digest: "sha256:0",
  basePath: "/base",
  baseType: "squashfs",
  kernelRelease: "6.1.0-56-cloud-amd64",
  boot: { bzImage: "/k", vmlinux: "/v", initramfs: "/i" },
  modulesPath: null,
  env: [],
};

export async function fakeHost(): Promise<FakeHost> {
  const root = await mkdtemp(join(tmpdir(), "banger-doctor-"));
  const files: HostFiles = {
    tun: join(root, "tun"),
    subuid: join(root, "subuid"),
    subgid: join(root, "subgid"),
    osRelease: join(root, "os-release"),
    sysctl: join(root, "sysctl"),
    debianKeyring: join(root, "keyring.gpg"),
  };
  const bin = join(root, "bin");
  await mkdir(bin);
  for (const name of [...HOST_PROGRAMS.flatMap(({ names }) => names), "true"])
    await writeFile(join(bin, name), "#!/bin/sh\n", { mode: 0o755 });
  for (const path of [files.subuid, files.subgid]) await writeFile(path, "other:100000:65536\ndev:165536:65536\n");
  await writeFile(files.osRelease, 'ID=debian\nVERSION_ID="12"\n');
  await writeFile(files.debianKeyring, "");
  const ran: string[][] = [];
  return {
    root,
    ran,
    deps: contentDeps(root, files, recordingRun(ran)),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

/** A `run` whose commands fail with status 1 and `words` where `fails` says so. */
export function recordingRun(ran: string[][], fails: (argv: readonly string[]) => string | undefined = () => undefined) {
  return async (argv: readonly string[], options: RunOptions = {}): Promise<RunResult> => {
    options.signal?.throwIfAborted();
    ran.push([...argv]);
    const words = fails(argv);
    if (words !== undefined) throw new BangerError("host.command_failed", `${argv[0] ?? ""} failed with status 1: ${words}`);
    return { stdout: "", stderr: "" };
  };
}

function contentDeps(root: string, files: HostFiles, run: DoctorDeps["run"]): DoctorDeps {
  return {
    architecture: "x64",
    user: { name: "dev", uid: 1000 },
    vmUser: async () => null,
    searchPath: join(root, "bin"),
    directories: {
      data: join(root, "data"),
      cache: join(root, "cache"),
      state: join(root, "state"),
      vms: join(root, "data/vms"),
      scratch: root,
    },
    files,
    run,
    probe: async () => ({ accelerator: "kvm", reason: "", agentAfterMs: 420 }),
    network: async () => ({ available: true }),
    pastaVersion: async () => ({ released: "2025-05-03", hasDnsHost: true }),
    images: {
      find: async () => READY_IMAGE,
      show: async (name) => ({
        name,
        status: "ready",
        outdated: false,
        digest: "sha256:0",
        sizeBytes: 366 * 1024 * 1024,
        arch: "amd64",
        origin: "recipe",
        kernel: READY_IMAGE.kernelRelease,
        createdAt: null,
        usedBy: [],
      }),
    },
    defaults: async () => ({
      vcpu: { value: 2, source: "host" },
      memoryMib: { value: 2048, source: "config" },
      diskBytes: { value: 8 * GIB, source: "default" },
      image: { value: "debian-bookworm", source: "default" },
    }),
    defaultImage: async () => "debian-bookworm",
    config: async () => ({}),
    fileSync: { look: async () => ({ files: 2, bytes: 1234, leftOut: [] }) },
    firecrackerBin: async () => null,
  };
}
