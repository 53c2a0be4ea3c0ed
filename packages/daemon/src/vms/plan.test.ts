import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { planVm, type Goal, type Observed, type Step } from "./plan.ts";

const observed: fc.Arbitrary<Observed> = fc.record({
  directory: fc.constantFrom("none", "partial", "made"),
  network: fc.constantFrom("none", "partial", "attached"),
  process: fc.constantFrom("none", "partial", "dead", "alive"),
  guest: fc.constantFrom("down", "waiting", "running", "broken", "silent"),
});
const goals = fc.constantFrom<Goal>("running", "stopped", "absent");

/** The world as the plan's author understands it: what is true after a step, whole or torn in its middle. */
function apply(world: Observed, step: Step, torn: boolean): Observed {
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
      return { ...world, guest: torn ? "broken" : "running" };
    case "shutdown-guest":
      return { ...world, guest: torn ? "running" : "down" };
    case "end-vmm":
      return torn ? { ...world, process: "dead" } : { ...world, process: "none", guest: "down" };
    case "detach-network":
      assert.equal(world.process, "none", "a tap is not taken from a live VMM");
      return { ...world, network: torn ? "partial" : "none" };
    case "remove-directory":
      assert.equal(world.process, "none");
      return { ...world, directory: torn ? "partial" : "none" };
    case "forget":
      assert.deepEqual([world.directory, world.network, world.process], ["none", "none", "none"]);
      return world;
  }
}

const settle = (goal: Goal, world: Observed) => planVm(goal, world).reduce((now, step) => apply(now, step, false), world);

test("a plan applied leaves nothing to do", () => {
  fc.assert(
    fc.property(goals, observed, (goal, world) => {
      const after = settle(goal, world);
      assert.deepEqual(
        planVm(goal, after).filter((step) => step !== "forget"),
        [],
      );
    }),
  );
});

test("torn at any step, a new plan for any goal still arrives", () => {
  fc.assert(
    fc.property(goals, goals, observed, fc.nat(8), (goal, next, world, at) => {
      let now = world;
      for (const [index, step] of planVm(goal, world).entries()) {
        now = apply(now, step, index === at);
        if (index === at) break;
      }
      const after = settle(next, now);
      assert.deepEqual(
        planVm(next, after).filter((step) => step !== "forget"),
        [],
      );
    }),
  );
});

test("a plan to be absent never asks the guest and ends everything", () => {
  const steps = planVm("absent", { directory: "made", network: "attached", process: "alive", guest: "running" });
  assert.deepEqual(steps, ["end-vmm", "detach-network", "remove-directory", "forget"]);
});
