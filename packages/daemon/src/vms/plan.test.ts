import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { planVm, type Goal, type Observed, type Step } from "./plan.ts";

interface World extends Observed {
  /** Its deletion goes on whoever dies. */
  readonly isCondemned: boolean;
}

const observed: fc.Arbitrary<World> = fc.record({
  directory: fc.constantFrom("none", "partial", "made"),
  network: fc.constantFrom("none", "partial", "attached"),
  process: fc.constantFrom("none", "partial", "dead", "alive"),
  guest: fc.constantFrom("down", "waiting", "running", "broken", "silent"),
  work: fc.constantFrom("none", "untaken", "taken"),
  isCondemned: fc.constant(false),
});
const goals = fc.constantFrom<Goal>("running", "stopped", "down", "absent");

/** What the guest changed could not be had. */
class Refused extends Error {}

/** A guest that runs on may change what was taken a moment ago. */
function look(world: World): Observed {
  const goesOn = world.process === "alive" && world.guest === "running" && !world.isCondemned;
  return { ...world, work: world.work === "taken" && goesOn ? "untaken" : world.work };
}

/** The world as the plan's author understands it: what is true after a step, whole or torn in its middle. */
function apply(world: World, step: Step, torn: boolean): World {
  switch (step) {
    case "make-directory":
      return { ...world, directory: torn ? "partial" : "made" };
    case "attach-network":
      return { ...world, network: torn ? "partial" : "attached" };
    case "start-vmm":
      assert.notEqual(world.process, "alive", "a second VMM would share the disk");
      assert.equal(world.directory, "made");
      assert.equal(world.network, "attached");
      return torn ? { ...world, process: "partial" } : { ...world, process: "alive", guest: "waiting" };
    case "configure-guest":
      assert.equal(world.guest, "waiting");
      return { ...world, guest: torn ? "broken" : "running", work: world.work === "none" ? "none" : "untaken", isCondemned: false };
    case "keep-changes":
      if (world.process !== "alive" || world.guest !== "running") throw new Refused();
      return { ...world, work: torn ? "untaken" : "taken" };
    case "try-keep-changes":
      return { ...world, work: torn || world.guest !== "running" ? "untaken" : "taken" };
    case "condemn":
      return torn ? world : { ...world, isCondemned: true };
    case "retire-changes":
      assert.equal(world.work, "taken", "what nobody has is not left behind");
      return torn ? world : { ...world, work: "none" };
    case "shutdown-guest":
      return { ...world, guest: torn ? "running" : "down" };
    case "end-vmm":
      return torn ? { ...world, process: "dead" } : { ...world, process: "none", guest: "down" };
    case "detach-network":
      assert.equal(world.process, "none", "a tap is not taken from a live VMM");
      return { ...world, network: torn ? "partial" : "none" };
    case "remove-directory":
      assert.equal(world.process, "none");
      assert.equal(world.work, "none", "work goes with the directory");
      return { ...world, directory: torn ? "partial" : "none" };
    case "forget":
      assert.deepEqual([world.directory, world.network, world.process], ["none", "none", "none"]);
      return world;
  }
}

const settle = (goal: Goal, world: World) => planVm(goal, look(world)).reduce((now, step) => apply(now, step, false), world);

/** As `settle`; undefined when it was refused, which must be before anything was done. */
function tryToSettle(goal: Goal, world: World): World | undefined {
  try {
    return settle(goal, world);
  } catch (error) {
    assert.ok(error instanceof Refused, String(error));
    assert.deepEqual([goal, planVm(goal, look(world))[0]], ["absent", "keep-changes"]);
    return undefined;
  }
}

/** Steps that are there to be repeated. */
const isDone = (step: Step) => step === "forget" || step === "condemn";

test("a plan applied leaves nothing to do", () => {
  fc.assert(
    fc.property(goals, observed, (goal, world) => {
      const after = tryToSettle(goal, world);
      if (after === undefined) return;
      assert.deepEqual(
        planVm(goal, look(after)).filter((step) => !isDone(step)),
        [],
      );
    }),
  );
});

test("torn at any step, a new plan for any goal still arrives", () => {
  fc.assert(
    fc.property(goals, goals, observed, fc.nat(10), (goal, next, world, at) => {
      let now = world;
      for (const [index, step] of planVm(goal, look(world)).entries()) {
        if (step === "keep-changes" && tryToSettle(goal, world) === undefined) break;
        now = apply(now, step, index === at);
        if (index === at) break;
      }
      const after = tryToSettle(next, now);
      if (after === undefined) return;
      assert.deepEqual(
        planVm(next, look(after)).filter((step) => !isDone(step)),
        [],
      );
    }),
    { numRuns: 1000 },
  );
});

test("a VM that cannot be deleted because of its work can be started, and then it can", () => {
  fc.assert(
    fc.property(observed, (world) => {
      if (tryToSettle("absent", world) !== undefined) return;
      assert.ok(tryToSettle("absent", settle("running", world)) !== undefined);
    }),
  );
});

const RUNNING = { directory: "made", network: "attached", process: "alive", guest: "running" } as const;

test("a plan to be absent asks the guest for its work alone, and ends everything", () => {
  assert.deepEqual(planVm("absent", { ...RUNNING, work: "none" }), ["condemn", "end-vmm", "detach-network", "remove-directory", "forget"]);
  assert.deepEqual(planVm("absent", { ...RUNNING, work: "untaken" }), [
    "keep-changes",
    "condemn",
    "end-vmm",
    "detach-network",
    "retire-changes",
    "remove-directory",
    "forget",
  ]);
});

test("work is taken out before a stop; a restart leaves it where it is", () => {
  const down = ["shutdown-guest", "end-vmm", "detach-network"];
  assert.deepEqual(planVm("stopped", { ...RUNNING, work: "none" }), down);
  assert.deepEqual(planVm("stopped", { ...RUNNING, work: "untaken" }), ["try-keep-changes", ...down]);
  assert.deepEqual(planVm("down", { ...RUNNING, work: "untaken" }), down);
});

test("a guest that is silent is asked all the same; one that was never configured is not", () => {
  const asked = (guest: Observed["guest"]) => planVm("down", { ...RUNNING, guest, work: "none" }).includes("shutdown-guest");
  assert.deepEqual([asked("silent"), asked("waiting"), asked("broken")], [true, false, false]);
});
