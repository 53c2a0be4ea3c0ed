import assert from "node:assert/strict";
import { test } from "node:test";
import { GIB } from "@banger/api";
import { effectiveSettings } from "./effective.ts";
import { parseConfig } from "./parse-config.ts";
import { chooseSpec } from "./resolve-spec.ts";

test("each setting says where it comes from", () => {
  const text =
    'firecracker_bin = "/opt/firecracker"\n[vm_defaults]\nmemory = "4G"\n[[file_sync]]\nhost = "~/.gitconfig"\nguest = "~/.gitconfig"\n';
  const config = parseConfig({ file: "/c/config.toml", text, home: "/home/dev" });
  const host = { cpus: 8, memoryTotalBytes: 16 * GIB, memoryAvailableBytes: 8 * GIB };
  assert.deepEqual(effectiveSettings({ file: "/c/config.toml", config, spec: chooseSpec({}, config, host) }), {
    file: "/c/config.toml",
    defaultImageName: { value: "debian-bookworm", source: "default" },
    sshKeyPath: { value: null, source: "default" },
    firecrackerBin: { value: "/opt/firecracker", source: "config" },
    vmDefaults: {
      vcpu: { value: 2, source: "host" },
      memoryMib: { value: 4096, source: "config" },
      diskBytes: { value: 8 * GIB, source: "default" },
    },
    fileSync: [{ host: "/home/dev/.gitconfig", guest: ".gitconfig", mode: null }],
  });
});
