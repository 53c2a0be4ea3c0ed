import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Leases, LEASE_GRACE_MS } from "./leases.ts";

function setUp(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const expired: string[] = [];
  return { expired, leases: new Leases({ expire: (id) => expired.push(id) }) };
}

test("a lease nobody takes expires after the grace time", (t) => {
  const { expired, leases } = setUp(t);
  leases.expect("a");
  t.mock.timers.tick(LEASE_GRACE_MS - 1);
  assert.deepEqual(expired, []);
  t.mock.timers.tick(1);
  assert.deepEqual(expired, ["a"]);
});

test("hanging up ends the VM at once; released it stays", async (t) => {
  const { expired, leases } = setUp(t);
  const first = new AbortController();
  const held = leases.hold("a", first.signal);
  first.abort();
  await held;
  assert.deepEqual(expired, ["a"]);
  const second = new AbortController();
  const kept = leases.hold("b", second.signal);
  leases.release("b");
  second.abort();
  await kept;
  assert.deepEqual(expired, ["a"]);
});

test("a newer holder takes over: the former one's hang-up means nothing", async (t) => {
  const { expired, leases } = setUp(t);
  const [old, fresh] = [new AbortController(), new AbortController()];
  const before = leases.hold("a", old.signal);
  const after = leases.hold("a", fresh.signal);
  old.abort();
  await before;
  assert.deepEqual(expired, []);
  fresh.abort();
  await after;
  assert.deepEqual(expired, ["a"]);
});
