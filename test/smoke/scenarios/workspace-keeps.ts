import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { SIZE } from "../vm-size.ts";

const WORK = "echo guest >> src/main.txt && echo new > added && rm Makefile && echo waste > ignored";
const REMARK = "3 changed files of NAME are kept.  see them: banger vm workspace diff NAME";

interface Listed {
  readonly name: string;
  readonly id: string;
  readonly status: string;
  readonly kept: { readonly files: number } | null;
}

export default {
  name: "workspace-keeps",
  description: "what a guest changed is kept when its VM goes, however it goes; a VM whose work cannot be had stays",
  class: "repodir",
  needs: [],
  async run(context) {
    await oneThatGoes(context);
    await oneWhoseCallerIsKilled(context);
    await oneThatIsKilled(context);
  },
} satisfies Scenario;

/** `--rm`: gone, its work kept, its patch applies; pruned, nothing is left. */
async function oneThatGoes({ banger, ok, repository, name, directory, ...context }: ScenarioContext): Promise<void> {
  const vm = name();
  const ran = await banger(["vm", "run", repository, "--rm", "--name", vm, ...SIZE, "--", "sh", "-c", `${WORK}; exit 7`]);
  assert.equal(ran.status, 7);
  assert.ok(ran.stderr.includes(REMARK.replaceAll("NAME", vm)), ran.stderr);
  const [kept] = await listed(context, vm);
  assert.deepEqual([kept?.status, kept?.kept?.files], ["gone", 3]);
  const patch = join(directory, "kept.patch");
  await ok("vm", "workspace", "export", vm, "--output", patch);
  const { path: clone, git } = context.clone();
  git("apply", patch);
  const status = git("status", "--porcelain");
  assert.equal(status, " D Makefile\n M src/main.txt\n?? added\n");
  assert.equal(await readFile(join(clone, "src/main.txt"), "utf8"), "hello\nguest\n");
  assert.equal((await banger(["vm", "workspace", "prune", vm])).status, 2);
  await ok("vm", "workspace", "prune", vm, "--yes");
  assert.deepEqual(await listed(context, vm), []);
}

/** `kill -9` of banger: the daemon ends the lease, and keeps the work. */
async function oneWhoseCallerIsKilled({ program, env, repository, name, until, ok, ...context }: ScenarioContext): Promise<void> {
  const vm = name("orphan");
  const argv = ["vm", "run", repository, "--rm", "--name", vm, ...SIZE, "--", "sh", "-c", `${WORK}; echo done; sleep 600`];
  const child = spawn(program, argv, { env: { ...env }, stdio: ["ignore", "pipe", "ignore"], signal: context.signal });
  child.on("error", () => undefined);
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  try {
    await until("the work is done", () => said.includes("done"), 180_000);
  } finally {
    child.kill("SIGKILL");
  }
  const kept = await until("the VM is gone", async () => (await listed(context, vm)).find(({ status }) => status === "gone"), 120_000);
  assert.equal(kept.kept?.files, 3);
  assert.match((await ok("vm", "workspace", "diff", vm, "--stat")).stdout, /src\/main\.txt/);
  await ok("vm", "workspace", "prune", vm, "--yes");
}

/** A killed VM stays until it was started again; a stop keeps, and a delete without changes says nothing. */
async function oneThatIsKilled({ banger, ok, repository, name, until, ...context }: ScenarioContext): Promise<void> {
  const vm = name("killed");
  await ok("vm", "run", repository, "--name", vm, ...SIZE, "--", "sh", "-c", `${WORK} && sync`);
  await ok("vm", "kill", vm);
  await until("it is stopped", async () => (await listed(context, vm)).some(({ status }) => status === "stopped"));
  const refused = await banger(["vm", "delete", vm]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /cannot be taken out, so it stays[\s\S]*banger vm start \S+, then delete it[\s\S]*--discard-changes/);
  await ok("vm", "start", vm);
  await ok("vm", "exec", vm, "--", "git", "stash");
  const stashed = await banger(["vm", "delete", vm]);
  assert.equal(stashed.status, 1);
  assert.match(stashed.stderr, /so it stays: the stash in \/root\/repo, with commits that are on its disk alone/);
  assert.match((await ok("vm", "workspace", "diff", vm)).stderr, /commits that are not checked out there: the stash/);
  await ok("vm", "exec", vm, "--", "git", "stash", "pop");
  await ok("vm", "stop", vm);
  assert.deepEqual(
    (await listed(context, vm)).map(({ kept }) => kept?.files),
    [3],
  );
  assert.match((await ok("vm", "workspace", "diff", vm)).stdout, /\+guest/);
  await ok("vm", "workspace", "pull", vm);
  assert.equal(execFileSync("git", ["-C", repository, "show", `banger/${vm}:added`], { encoding: "utf8" }), "new\n");
  const deleted = await ok("vm", "delete", vm);
  assert.ok(!deleted.stderr.includes("kept"), deleted.stderr);
  assert.deepEqual(await listed(context, vm), []);
  execFileSync("git", ["-C", repository, "branch", "--quiet", "-D", `banger/${vm}`]);
}

async function listed({ json }: Pick<ScenarioContext, "json">, vm: string): Promise<readonly Listed[]> {
  return ((await json("vm", "workspace", "list")) as readonly Listed[]).filter(({ name }) => name === vm);
}
