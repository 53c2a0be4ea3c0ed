import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { scenarios } from "./registry.ts";
import { EXIT, exitStatus, junit, outcomeLine, totals, type Outcome } from "./report.ts";
import type { Scenario, ScenarioClass } from "./scenario.ts";
import { poolSize, runSchedule } from "./schedule.ts";
import { selectScenarios, UsageError } from "./select.ts";

const fake = (name: string, kind: ScenarioClass = "pure"): Scenario => ({
  name,
  description: name,
  class: kind,
  needs: [],
  run: () => Promise.resolve(),
});
const outcome = (result: Outcome["result"], name = "x"): Outcome => ({ name, result, seconds: 1, detail: "a < b" });

describe("selection", () => {
  test("named ones run in registry order; an unknown one names the nearest", () => {
    const all = [fake("one"), fake("two"), fake("three")];
    assert.deepEqual(
      selectScenarios(all, ["three", "one"]).map((each) => each.name),
      ["one", "three"],
    );
    assert.throws(
      () => selectScenarios(all, ["tow"]),
      (error) => error instanceof UsageError && error.message.includes('"two"'),
    );
    assert.throws(() => selectScenarios(all, []), UsageError);
    assert.equal(selectScenarios(all, undefined).length, 3);
  });
});

describe("scheduling", () => {
  test("the pool is never larger than asked, the chain keeps its order, global ones run alone at the end", async () => {
    const all = [
      fake("g1", "global"),
      fake("r1", "repodir"),
      ...["a", "b", "c", "d", "e"].map((name) => fake(name)),
      fake("r2", "repodir"),
      fake("g2", "global"),
    ];
    const began: string[] = [];
    let running = 0;
    let most = 0;
    let links = 0;
    await runSchedule(all, 2, async (scenario) => {
      began.push(scenario.name);
      running += 1;
      most = Math.max(most, running);
      if (scenario.class === "global") assert.equal(running, 1, "a global scenario runs alone");
      if (scenario.class === "repodir") assert.equal((links += 1), 1, "the chain is one worker's");
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      if (scenario.class === "repodir") links -= 1;
    });
    assert.equal(most, 2);
    assert.deepEqual(
      began.filter((name) => name.startsWith("r")),
      ["r1", "r2"],
    );
    assert.deepEqual(began.slice(-2), ["g1", "g2"]);
    assert.equal(new Set(began).size, all.length);
  });
  test("memory and a limit bound the pool, and it is told which", () => {
    const gib = 2 ** 30;
    assert.deepEqual(poolSize(4, 12 * gib), { jobs: 4 });
    assert.deepEqual(poolSize(4, 9.5 * gib), { jobs: 3, why: "memory for 3 at once: 9.5 GiB are available" });
    assert.deepEqual(poolSize(99, 2 ** 40), { jobs: 8, why: "never more than 8 at once" });
    assert.deepEqual(poolSize(4, 1), { jobs: 1, why: "memory for 1 at once: 0.0 GiB are available" });
    assert.deepEqual(poolSize(1, 1), { jobs: 1 });
  });
});

describe("reporting", () => {
  test("exit statuses", () => {
    assert.equal(exitStatus([outcome("PASS")], true), EXIT.passed);
    assert.equal(exitStatus([outcome("PASS"), outcome("FAIL"), outcome("SKIP")], true), EXIT.failed);
    assert.equal(exitStatus([outcome("SKIP")], true), EXIT.notRunnable);
    assert.equal(exitStatus([outcome("PASS"), outcome("SKIP")], false), EXIT.passed);
  });
  test("lines and files", () => {
    assert.match(outcomeLine({ ...outcome("SKIP"), missing: "kvm" }), /missing: usable KVM/);
    assert.equal(totals([outcome("PASS"), outcome("SKIP")]), "smoke: 1 passed, 0 failed, 1 skipped");
    assert.match(junit([outcome("FAIL")]), /<testcase classname="smoke" name="x" [^>]*><failure>a &lt; b<\/failure>/);
  });
  test("a round is told where there are several", () => {
    const second = { ...outcome("PASS"), round: 2 };
    assert.match(outcomeLine(second), /^PASS {2}x \(round 2\) +1\.0 s$/);
    assert.match(junit([second]), /<testcase classname="smoke\.round-2" name="x" /);
  });
});

test("a wrong command line is exit status 2 and begins nothing; a list is 0", () => {
  const run = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, "main.ts"), ...args], { encoding: "utf8" });
    return { status, stdout, stderr };
  };
  for (const [args, words] of [
    [["--scenario", "lifecicle"], /Did you mean "lifecycle"\?/],
    [["--scenario", ","], /no scenario named/],
    [["--jobs", "0"], /--jobs takes a whole number from 1/],
    [["--bogus"], /--bogus/],
  ] as const) {
    const said = run(...args);
    assert.deepEqual([said.status, said.stdout], [EXIT.usage, ""], args.join(" "));
    assert.match(said.stderr, words);
  }
  assert.equal(run("--list").status, EXIT.passed);
});

test("the registry: names are unique and every description is one line", () => {
  assert.equal(new Set(scenarios.map((scenario) => scenario.name)).size, scenarios.length);
  for (const scenario of scenarios) {
    assert.match(scenario.name, /^[a-z0-9-]+$/);
    assert.match(scenario.description, /^\S[^\n]+$/);
  }
});

test("make smoke-list reads from the files what the runner knows", () => {
  const listed = execFileSync(join(import.meta.dirname, "../../scripts/smoke-list.sh"), { encoding: "utf8" });
  const known = scenarios.map((each) => `${each.name.padEnd(28)} ${each.class.padEnd(8)} ${each.description}`);
  assert.deepEqual(listed.trimEnd().split("\n").toSorted(), known.toSorted());
});

describe("the check before anything is built says what the runner would", () => {
  const script = join(import.meta.dirname, "../../scripts/smoke-list.sh");
  const check = (text: string) => spawnSync(script, ["--check", text], { encoding: "utf8", env: { PATH: process.env["PATH"] ?? "" } });
  const refusal = (text: string): string | undefined => {
    try {
      selectScenarios(
        scenarios,
        text.split(",").filter((name) => name !== ""),
      );
      return undefined;
    } catch (error) {
      assert.ok(error instanceof UsageError);
      return error.message;
    }
  };
  for (const text of ["lifecycle", "nat,lifecycle", ",nat,,", "full-disk,driver-qemu"]) {
    test(`${text} is taken`, () => {
      assert.equal(refusal(text), undefined);
      assert.deepEqual([check(text).status, check(text).stderr], [0, ""]);
    });
  }
  for (const text of [
    "",
    ",",
    "../registry",
    "nat lifecycle",
    "*",
    "n?t",
    "lifecicle",
    "nat,wrokspace-run",
    "NAT",
    "a'b",
    'a"b',
    "a\\nb",
    "-x",
    "$HOME",
    "x".repeat(200),
  ]) {
    test(`${JSON.stringify(text).slice(0, 40)} is refused`, () => {
      const { status, stdout, stderr } = check(text);
      assert.deepEqual([status, stdout], [EXIT.usage, ""]);
      const near = /Did you mean "[^"]*"\?/.exec(refusal(text) ?? "not refused")?.[0] ?? "which scenario";
      assert.ok(stderr.includes(near), `${stderr} has no ${near}`);
    });
  }
});
