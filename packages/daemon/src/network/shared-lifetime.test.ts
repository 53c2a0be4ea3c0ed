// Begin and end of what VMs share, in every order: callers that cross, steps that fail, deaths, and daemons that die half-way.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { macOfAddress, type VmNetwork } from "./contract.ts";
import { FakeHost, FakeWorld, type FakeWorldOptions } from "./fake-shared-world.ts";
import { SharedLifetime } from "./shared-lifetime.ts";

const vms: readonly VmNetwork[] = ["a", "b", "c"].map((vmId, index) => {
  const address = `172.16.0.${index + 2}`;
  return { vmId, address, mac: macOfAddress(address), egress: "full" };
});
const [a, b] = vms as readonly [VmNetwork, VmNetwork, VmNetwork];
const signal = new AbortController().signal;
const smooth: FakeWorldOptions = { pause: () => Promise.resolve(), failure: () => null };

function lifetimeOf(host: FakeHost, options: Partial<FakeWorldOptions> = {}) {
  const lost: string[] = [];
  const lifetime = new SharedLifetime({
    world: new FakeWorld(host, { ...smooth, ...options }),
    onLost: (vmIds) => lost.push(...vmIds),
    onFailure: () => undefined,
  });
  return { lifetime, lost };
}

const partsOf = ({ live }: FakeHost) => [...(live?.parts ?? [])];

async function ready(host: FakeHost, options: Partial<FakeWorldOptions> = {}) {
  const made = lifetimeOf(host, options);
  await made.lifetime.reconcile([]);
  return made;
}

test("a release that was asked for by the last VM's end spares one attached meanwhile", async () => {
  const host = new FakeHost();
  const { lifetime } = await ready(host);
  await lifetime.attach(a, signal);
  await Promise.all([lifetime.detach("a"), lifetime.attach(b, signal), lifetime.release()]);
  assert.deepEqual(partsOf(host), ["b"]);
  const { live } = host;
  await lifetime.release();
  assert.equal(host.live, live, "as often as it is asked");
  await lifetime.detach("b");
  await lifetime.release();
  assert.deepEqual([host.live, lifetime.state], [null, "absent"]);
});

test("an end that does not get through is tried again before anything begins", async () => {
  const host = new FakeHost();
  let failures = 1;
  const { lifetime } = await ready(host, { failure: (step) => (step === "end" && host.live !== null && failures-- > 0 ? "before" : null) });
  await lifetime.attach(a, signal);
  await lifetime.detach("a");
  await assert.rejects(lifetime.release());
  assert.equal(lifetime.state, "ending");
  const old = host.live;
  await lifetime.attach(b, signal);
  assert.notEqual(host.live, old);
  assert.deepEqual(partsOf(host), ["b"]);
});

test("a death is told once to those it struck, and what is detached later does not touch the next", async () => {
  const host = new FakeHost();
  const { lifetime, lost } = await ready(host);
  await lifetime.attach(a, signal);
  host.live = null;
  await lifetime.attach(b, signal);
  assert.deepEqual(lost, ["a"]);
  await lifetime.detach("a");
  await lifetime.release();
  await lifetime.tend(async (all) => assert.deepEqual(all, [b]));
  assert.deepEqual([partsOf(host), lost], [["b"], ["a"]]);
});

test("before a reconcile nothing is ended and nobody is attached", async () => {
  const host = new FakeHost();
  await (await ready(host)).lifetime.attach(a, signal);
  const { lifetime } = lifetimeOf(host);
  await assert.rejects(lifetime.attach(b, signal), /before it was reconciled/);
  await lifetime.release();
  assert.deepEqual(partsOf(host), ["a"]);
  await lifetime.detach("a");
  assert.deepEqual(partsOf(host), []);
});

type Act = { readonly kind: "attach" | "detach"; readonly vm: VmNetwork } | { readonly kind: "release" | "tend" | "die" };
const vmArbitrary = fc.constantFrom(...vms);
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("attach" as const, "detach" as const), vm: vmArbitrary }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("release" as const, "tend" as const, "die" as const) }) },
);
const failures = fc.array(fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, fc.constantFrom("before" as const, "after" as const)));

/** Does it, and keeps in `holding` who was told to have a part and not told otherwise. */
async function perform({ lifetime }: ReturnType<typeof lifetimeOf>, host: FakeHost, does: Act, holding: Set<string>): Promise<void> {
  try {
    if (does.kind === "attach") {
      await lifetime.attach(does.vm, signal);
      holding.add(does.vm.vmId);
    } else if (does.kind === "detach") await lifetime.detach(does.vm.vmId).finally(() => holding.delete(does.vm.vmId));
    else if (does.kind === "release") await lifetime.release();
    else if (does.kind === "tend") await lifetime.tend(() => Promise.resolve());
    else host.live = null;
  } catch (error) {
    assert.doesNotMatch(String(error), /AssertionError/);
  }
}

test("whatever crosses, fails or dies: who was attached has its part, or was told that it is lost; then nothing is left", async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.array(act, { maxLength: 14 }), failures, async (scheduler, acts, failing) => {
      const host = new FakeHost();
      const pending = [...failing];
      let isCalm = true;
      const holding = new Set<string>();
      const made = await ready(host, {
        pause: (step) => (isCalm ? Promise.resolve() : scheduler.schedule(Promise.resolve(), step)),
        failure: () => (isCalm ? null : (pending.shift() ?? null)),
      });
      isCalm = false;
      const told = made.lost.push.bind(made.lost);
      made.lost.push = (...ids) => (ids.forEach((id) => holding.delete(id)), told(...ids));
      const all = acts.map(async (each) => {
        await scheduler.schedule(Promise.resolve(), each.kind);
        await perform(made, host, each, holding);
      });
      await scheduler.waitFor(Promise.all(all));
      isCalm = true;
      await made.lifetime.tend(() => Promise.resolve());
      for (const vmId of holding) assert.ok(host.live?.parts.has(vmId), `${vmId} has its part`);
      await made.lifetime.release();
      for (const vmId of holding) assert.ok(host.live?.parts.has(vmId), `${vmId} has its part after a release`);
      for (const { vmId } of vms) await made.lifetime.detach(vmId);
      await made.lifetime.release();
      assert.deepEqual([host.live, host.recorded, made.lifetime.state], [null, null, "absent"]);
    }),
    { numRuns: 300 },
  );
});

test("a daemon that dies at any step: the next takes up who has a part, tells who has not, and leaves nothing in the end", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 10 }), fc.nat(40), fc.nat(40), async (acts, firstSteps, secondSteps) => {
      const host = new FakeHost();
      // As the journal of the daemon has it: written before an attach begins, struck out after a detach.
      const journal = new Set<string>();
      for (const steps of [firstSteps, secondSteps, Infinity]) {
        let left = steps;
        const death = Promise.withResolvers<"died">();
        const pause = () => (left-- > 0 ? Promise.resolve() : (death.resolve("died"), new Promise<never>(() => undefined)));
        await Promise.race([death.promise, lifeOfADaemon({ host, acts, journal, pause })]);
      }
      const { lifetime } = await ready(host);
      await lifetime.release();
      assert.deepEqual([host.live, host.recorded], [null, null]);
    }),
    { numRuns: 300 },
  );
});

interface Life extends Pick<FakeWorldOptions, "pause"> {
  readonly host: FakeHost;
  readonly acts: readonly Act[];
  readonly journal: Set<string>;
}

async function lifeOfADaemon({ host, acts, journal, pause }: Life): Promise<void> {
  const made = lifetimeOf(host, { pause });
  const known = vms.filter(({ vmId }) => journal.has(vmId));
  const lost = await made.lifetime.reconcile(known);
  for (const { vmId } of known) assert.equal(host.live?.parts.has(vmId) ?? false, !lost.includes(vmId), vmId);
  for (const does of acts) {
    if (does.kind === "attach") journal.add(does.vm.vmId);
    await perform(made, host, does, new Set());
    if (does.kind === "detach") journal.delete(does.vm.vmId);
  }
}
