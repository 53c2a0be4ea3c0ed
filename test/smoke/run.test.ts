// A run on fakes: what becomes of scenarios that fail, cannot run or are interrupted, and what is seen of it.
import assert from "node:assert/strict";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { OwnedContext } from "./context.ts";
import type { Outcome } from "./report.ts";
import { runScenarios, type Run } from "./run.ts";
import type { Scenario, ScenarioContext } from "./scenario.ts";
import { RunProgress } from "./view.ts";

const fake = (name: string, change: Partial<Scenario> = {}): Scenario => ({
  ...{ name, description: `tries ${name}`, class: "pure", needs: [], run: () => Promise.resolve() },
  ...change,
});
const fails = (words: string) => (context: ScenarioContext) => {
  context.log(`about to say ${words}`);
  return Promise.reject(new Error(words));
};

interface Seen {
  readonly outcomes: readonly Outcome[];
  /** What the view was told, in order. */
  readonly told: readonly string[];
  readonly printed: readonly string[];
  readonly disposed: readonly string[];
  readonly log: (name: string) => Promise<string>;
}

async function runFakes(scenarios: readonly Scenario[], change: Partial<Run> = {}, look?: (seen: Seen) => Promise<void>): Promise<Seen> {
  await using scratch = await mkdtempDisposable(join(tmpdir(), "banger-smoke-"));
  const [told, printed, disposed]: string[][] = [[], [], []];
  const outcomes = await runScenarios({
    ...{ scenarios, jobs: 1, repeat: 1, able: new Set(), logs: scratch.path, signal: new AbortController().signal },
    beginRound: () => Promise.resolve(),
    openContext: ({ name }, { log }) =>
      Promise.resolve({
        scenario: name,
        log,
        examine: () => Promise.resolve(),
        [Symbol.asyncDispose]: async () => void disposed?.push(name),
      } as unknown as OwnedContext),
    view: {
      began: (name) => void told?.push(`began ${name}`),
      ended: ({ name, result }, log) => void told?.push(`${result} ${name}${log === undefined ? "" : `: ${log.split("\n")[0] ?? ""}`}`),
      close: () => undefined,
    },
    print: (line) => void printed?.push(line),
    ...change,
  });
  const log = (name: string) => readFile(join(scratch.path, `${name}.log`), "utf8");
  const seen = { outcomes, told: told ?? [], printed: printed ?? [], disposed: disposed ?? [], log };
  await look?.(seen);
  return seen;
}

test("alone, a scenario's lines are shown as they come, and its log is not shown again", async () => {
  const { told, printed } = await runFakes([fake("a", { run: fails("no") }), fake("b")]);
  assert.deepEqual(told, ["began a", "FAIL a", "began b", "PASS b"]);
  assert.deepEqual(printed.slice(0, 3), ["--- a: tries a", "  about to say no", printed[2]]);
  assert.match(printed[2] ?? "", /^ {2}Error: no/);
  assert.equal(printed.at(-1), "--- b: tries b");
});

test("at once, only the log of one that failed is shown, whole, when it has failed", async () => {
  await runFakes([fake("a", { run: fails("no") }), fake("b")], { jobs: 2 }, async ({ told, printed, log }) => {
    assert.deepEqual(told.toSorted(), ["FAIL a: about to say no", "PASS b", "began a", "began b"]);
    assert.deepEqual(printed, []);
    assert.match(await log("a"), /^about to say no\nError: no\n/);
    assert.equal(await log("b"), "");
  });
});

test("a missing capability is a skip that begins nothing; the context goes whatever the end", async () => {
  const { outcomes, told, disposed } = await runFakes([fake("a", { needs: ["kvm"] }), fake("b", { run: fails("no") }), fake("c")]);
  assert.deepEqual(outcomes[0], { name: "a", result: "SKIP", seconds: 0, detail: "missing: kvm", missing: "kvm" });
  assert.equal(told[0], "SKIP a");
  assert.deepEqual(disposed, ["b", "c"]);
});

test("what fails while it is cleaned up has failed", async () => {
  const openContext = () =>
    Promise.resolve({ [Symbol.asyncDispose]: () => Promise.reject(new Error("left behind")) } as unknown as OwnedContext);
  const { outcomes } = await runFakes([fake("a")], { openContext });
  assert.deepEqual([outcomes[0]?.result, outcomes[0]?.detail?.split("\n")[0]], ["FAIL", "Error: left behind"]);
});

test("a failed clean-up does not hide why the scenario failed", async () => {
  const openContext = () =>
    Promise.resolve({
      examine: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.reject(new Error("left behind")),
    } as unknown as OwnedContext);
  const { outcomes } = await runFakes([fake("a", { run: () => Promise.reject(new Error("3 is not 4")) })], { openContext });
  assert.match(outcomes[0]?.detail ?? "", /^Error: 3 is not 4\n[\s\S]*\nError: left behind\n/);
});

test("one that fails has its VMs looked at before they go, and no other", async () => {
  const steps: string[] = [];
  const openContext = ({ name }: Scenario) =>
    Promise.resolve({
      examine: async () => void steps.push(`looked at ${name}`),
      [Symbol.asyncDispose]: async () => void steps.push(`${name} gone`),
    } as unknown as OwnedContext);
  const failing = fake("a", { run: () => Promise.reject(new Error("wrong")) });
  const { outcomes } = await runFakes([failing, fake("b")], { openContext });
  assert.deepEqual(steps, ["looked at a", "a gone", "b gone"]);
  assert.match(outcomes[0]?.detail ?? "", /wrong/);
});

test("after an interruption nothing more is begun, and nothing passes", async () => {
  const interrupted = new AbortController();
  const stops = fake("a", { run: async () => interrupted.abort(new Error("ended by SIGINT")) });
  let isRun = false;
  const later = fake("b", { run: async () => void (isRun = true) });
  const { outcomes } = await runFakes([stops, later], { signal: interrupted.signal });
  assert.deepEqual(
    outcomes.map(({ name, result }) => `${name} ${result}`),
    ["a FAIL", "b FAIL"],
  );
  for (const { detail } of outcomes) assert.match(detail ?? "", /ended by SIGINT/);
  assert.equal(isRun, false);
});

test("one that never settles fails at its deadline, is looked at, and the next one is begun", async () => {
  const stuck = fake("stuck", { deadlineMs: 20, run: () => new Promise(() => undefined) });
  const { outcomes, disposed } = await runFakes([stuck, fake("b")], { graceMs: 20 });
  assert.deepEqual(
    outcomes.map(({ name, result }) => `${name} ${result}`),
    ["stuck FAIL", "b PASS"],
  );
  assert.match(outcomes[0]?.detail ?? "", /not done within 0.02 s/);
  assert.deepEqual(disposed, ["stuck", "b"]);
});

test("all of it is repeated, each round whole before the next, with a beginning and logs of its own", async () => {
  const begun: number[] = [];
  let ran = 0;
  const counts = fake("g", { class: "global", run: async ({ log }) => log(`run ${(ran += 1)}`) });
  const rounds = { repeat: 2, jobs: 4, beginRound: async () => void begun.push(ran) };
  const { outcomes } = await runFakes([counts, fake("a")], rounds, async ({ log }) => {
    assert.deepEqual([await log("1/g"), await log("2/g")], ["run 1\n", "run 2\n"]);
  });
  assert.deepEqual(
    outcomes.map(({ name, round }) => `${name} ${round}`),
    ["a 1", "g 1", "a 2", "g 2"],
  );
  assert.deepEqual(begun, [0, 1]);
});

test("what runs and what is left is told while something is", () => {
  const progress = new RunProgress(3);
  assert.deepEqual(progress.lines(0), ["smoke: 0 passed, 0 failed, 0 skipped, 3 left"]);
  progress.began("docker", 0);
  progress.began("exec", 4000);
  progress.ended({ name: "kvm-only", result: "SKIP", seconds: 0 });
  assert.deepEqual(progress.lines(12_400), [
    "   …  docker                         12 s",
    "   …  exec                            8 s",
    "smoke: 0 passed, 0 failed, 1 skipped, 2 left",
  ]);
  progress.ended({ name: "exec", result: "FAIL", seconds: 9 });
  progress.ended({ name: "docker", result: "PASS", seconds: 13 });
  assert.deepEqual(progress.lines(13_000), []);
});
