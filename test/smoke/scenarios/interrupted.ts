import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Scenario } from "../scenario.ts";

export default {
  name: "interrupted",
  description: "Ctrl-C during the boot undoes it; Ctrl-C and kill -9 during a --rm command still delete the VM",
  class: "pure",
  needs: [],
  async run({ program, env, json, name, until }) {
    const vm = name();
    const start = (...argv: string[]) =>
      spawn(program, ["vm", "run", "--rm", "--name", vm, "--memory", "1G", "--", ...argv], {
        env: { ...env },
        stdio: ["ignore", "pipe", "pipe"],
      });
    const isThere = async () => ((await json("vm", "list")) as readonly { name: string }[]).some((each) => each.name === vm);
    const gone = () => until("the VM is gone", async () => ((await isThere()) ? undefined : true), 30_000);

    const booting = start("true");
    await until("it boots", async () => ((await isThere()) ? true : undefined));
    booting.kill("SIGINT");
    assert.equal((await once(booting, "exit"))[0], 130);
    await gone();

    // exec: a signal that comes while dash is in its vfork is lost to it.
    for (const signal of ["SIGINT", "SIGKILL"] as const) {
      const running = start("sh", "-c", "echo up; exec sleep 600");
      await once(running.stdout, "data");
      running.kill(signal);
      await once(running, "exit");
      await gone();
    }
  },
} satisfies Scenario;
