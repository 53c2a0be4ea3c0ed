import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Scenario } from "../scenario.ts";
import { SIZE } from "../vm-size.ts";

/** mise, emulated, on a busy machine. */
const MISE_MS = 240_000;

export default {
  name: "tooling",
  description: "mise's tools of a repository: before a detached VM answers, behind a shell, told when one cannot be had",
  class: "pure",
  needs: ["network"],
  async run({ banger, ok, name, inGuest, directory, until }) {
    // A tool that needs no download.
    const repository = join(directory, "repository");
    await mkdir(join(repository, "tool/bin"), { recursive: true });
    await writeFile(join(repository, "tool/bin/hello"), "#!/bin/sh\necho $GREETING\n", { mode: 0o755 });
    const settings = '[tools]\nnode = "path:./tool"\n[env]\nGREETING = "from the tool"\n';
    await writeFile(join(repository, "mise.toml"), settings);
    const git = (...args: readonly string[]) =>
      execFileSync("git", ["-C", repository, "-c", "user.name=Smoke", "-c", "user.email=smoke@example.invalid", ...args]);
    git("init", "--quiet", "--initial-branch=main");
    git("add", "--all");
    git("commit", "--quiet", "--message=first");
    const detached = name();
    const ran = await ok("vm", "run", repository, "--detach", "--name", detached, ...SIZE);
    assert.equal(ran.stdout, `${detached}\n`);
    assert.match(ran.stderr, /installing the tools of mise\.toml\n(.*\n)*banger: all tools are there\n/);
    assert.equal(await inGuest(detached, "hello"), "from the tool");
    assert.match((await ok("vm", "logs", detached, "--tooling")).stdout, /banger: all tools are there/);

    const command = ["vm", "run", repository, "--bootstrap", "--rm", "--name", name("command"), ...SIZE, "--", "hello"];
    const before = await ok(...command);
    assert.equal(before.stdout, "from the tool\n", "its tools are there before the command");
    assert.match(before.stderr, /banger: all tools are there/);

    await writeFile(join(repository, "mise.toml"), settings.replace("[env]", 'no-such-tool = "1"\n[env]'));
    const shell = name("shell");
    const left = await banger(["vm", "run", repository, "--name", shell, ...SIZE], { input: "echo in the shell\n" });
    assert.equal(left.status, 0, left.stderr);
    assert.match(left.stdout, /in the shell/);
    assert.match(left.stderr, /the tools of mise\.toml are being installed\. {2}look: banger vm logs tooling-shell --tooling/);
    await until(
      "the tools are told of",
      async () => {
        const { stdout } = await banger(["vm", "logs", shell, "--tooling"]);
        return /no-such-tool not found(.*\n)*banger: not all tools are there/.test(stdout) ? true : undefined;
      },
      MISE_MS,
    );
    assert.equal(await inGuest(shell, "hello"), "from the tool");

    const refused = await banger(["vm", "run", repository, "--bootstrap", "--no-network", "--", "true"]);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /tools come from the network/);
  },
} satisfies Scenario;
