import assert from "node:assert/strict";
import { test } from "node:test";
import { measureRounds, type RoundStand } from "./rounds.ts";
import { Unmeasurable, type Row, type Sample } from "./row.ts";

class FakeStand implements RoundStand {
  readonly aborting = new AbortController();
  readonly signal = this.aborting.signal;
  /** What was asked of it, in order. */
  readonly calls: string[] = [];
  failsAtEnd = false;

  async clear(): Promise<void> {
    this.calls.push("clear");
  }

  async endRound(): Promise<void> {
    this.calls.push("end");
    if (this.failsAtEnd) throw new Error("the daemon is gone");
  }
}

function fakeRow(name: string, measure: (stand: FakeStand, nth: number) => Sample): Row<FakeStand> {
  let nth = 0;
  return {
    ...{ name, what: name, over: "nothing", unit: "ms", target: { kind: "ratio", limit: 1 } },
    measure: async (stand) => {
      stand.calls.push(name);
      nth += 1;
      return [measure(stand, nth)];
    },
  };
}

const steady = (name: string) => fakeRow(name, (_, nth) => ({ value: nth, floor: 1 }));

async function measure(rows: readonly Row<FakeStand>[], stand: FakeStand) {
  const failures: string[] = [];
  const sampled: string[] = [];
  const report = {
    sampled: (round: number, name: string, told: string) => sampled.push(`${round} ${name} ${told}`),
    failed: (round: number, name: string, error: unknown) =>
      failures.push(`${round} ${name} ${error instanceof Error ? error.message : ""}`),
  };
  const measured = await measureRounds({ rows, rounds: 3, stand, report });
  const outcome = measured.map(({ name, samples, trouble }) => [name, samples.map(({ value }) => value), trouble]);
  return { outcome, failures, sampled };
}

test("every row is measured once a round", async () => {
  const stand = new FakeStand();
  const { outcome, sampled } = await measure([steady("a"), steady("b")], stand);
  assert.deepEqual(stand.calls, ["a", "b", "end", "a", "b", "end", "a", "b", "end"]);
  assert.deepEqual(outcome, [
    ["a", [1, 2, 3], undefined],
    ["b", [1, 2, 3], undefined],
  ]);
  assert.equal(sampled[0], "1 a 1 ms over 1 ms");
});

test("a row that fails keeps its samples, and the others go on", async () => {
  const stand = new FakeStand();
  const failing = fakeRow("a", (_, nth) => {
    if (nth === 2) throw new Error("/here/banger exited 1");
    return { value: nth, floor: null };
  });
  const { outcome, failures } = await measure([failing, steady("b")], stand);
  assert.deepEqual(outcome, [
    ["a", [1], "failed in round 2"],
    ["b", [1, 2, 3], undefined],
  ]);
  assert.deepEqual(failures, ["2 a /here/banger exited 1"]);
  assert.deepEqual(stand.calls, ["a", "b", "end", "a", "clear", "b", "end", "b", "end"]);
});

test("what cannot be measured here is told once, with its reason", async () => {
  const stand = new FakeStand();
  const unmeasurable = fakeRow("a", () => {
    throw new Unmeasurable("it needs KVM");
  });
  const { outcome } = await measure([unmeasurable, steady("b")], stand);
  assert.deepEqual(outcome[0], ["a", [], "it needs KVM"]);
  assert.deepEqual(stand.calls, ["a", "b", "end", "b", "end", "b", "end"]);
});

test("an interrupted bench keeps what it has", async () => {
  const stand = new FakeStand();
  const interrupted = fakeRow("b", ({ aborting }, nth) => {
    if (nth < 2) return { value: nth, floor: 1 };
    aborting.abort();
    throw new Error("aborted");
  });
  const { outcome, failures } = await measure([steady("a"), interrupted, steady("c")], stand);
  assert.deepEqual(outcome, [
    ["a", [1, 2], "interrupted in round 2"],
    ["b", [1], "interrupted in round 2"],
    ["c", [1], "interrupted in round 2"],
  ]);
  assert.deepEqual(failures, []);
});

test("a stand that fails ends the rounds, and what there is is kept", async () => {
  const stand = new FakeStand();
  stand.failsAtEnd = true;
  const { outcome, failures } = await measure([steady("a")], stand);
  assert.deepEqual(outcome, [["a", [1], "the bench ended in round 1"]]);
  assert.deepEqual(failures, ["1 (the stand) the daemon is gone"]);
});
