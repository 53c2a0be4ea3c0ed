import assert from "node:assert/strict";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Scenario } from "../scenario.ts";
import { SIZE } from "../vm-size.ts";

export default {
  name: "file-sync",
  description: "files that config.toml names are in a new VM before its first command, and are not copied again",
  class: "global",
  needs: [],
  async run({ banger, ok, env, name, directory, inGuest }) {
    const config = join(env["BANGER_HOME"] ?? "", "config/config.toml");
    await mkdir(join(directory, "tool"), { recursive: true });
    await writeFile(join(directory, "note"), "from the host\n", { mode: 0o644 });
    await writeFile(join(directory, "tool/run"), "#!/bin/sh\necho ran\n", { mode: 0o755 });
    await symlink("/etc/passwd", join(directory, "tool/link"));
    await mkdir(join(config, ".."), { recursive: true });
    const entries = [
      ["~/note", "~/note"],
      ["~/tool", "/root/.config/tool"],
      ["~/missing", "~/missing"],
    ];
    await writeFile(config, entries.map(([host, guest]) => `[[file_sync]]\nhost = "${host}"\nguest = "${guest}"\n`).join("\n"));
    await ok("daemon", "stop");
    try {
      const vm = name();
      // The daemon that this starts takes the directory for its owner's home.
      const look = "stat -c %a note && cat note && .config/tool/run && ls .config/tool && chmod 644 note";
      const ran = await banger(["vm", "run", "--name", vm, ...SIZE, "--", "sh", "-ec", look], { env: { HOME: directory } });
      assert.equal(ran.status, 0, ran.stderr);
      assert.equal(ran.stdout, "600\nfrom the host\nran\nrun\n");
      assert.match(ran.stderr, /file_sync: not copied: .*\/missing: it is not there/);
      assert.match(ran.stderr, /file_sync: not copied: .*\/tool\/link: a symlink/);
      await ok("vm", "restart", vm);
      assert.equal(await inGuest(vm, "stat", "-c", "%a", "note"), "644");
      assert.match((await banger(["doctor"])).stdout, /a new VM gets 2 files, 33 B of yours, not .*missing/);
    } finally {
      await rm(config, { force: true });
      await banger(["daemon", "stop"]);
    }
  },
} satisfies Scenario;
