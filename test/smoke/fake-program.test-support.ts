// The runner's program on scenarios that need no VM.
import type { Scenario } from "./scenario.ts";
import { runProgramOf } from "./runner.ts";

const fake = (name: string, run: Scenario["run"], change: Partial<Scenario> = {}): Scenario => ({
  ...{ name, description: `tries ${name}`, class: "pure", needs: [], run },
  ...change,
});

const scenarios = [
  fake("passes", async ({ log }) => log("it is well")),
  fake("fails", () => Promise.reject(new Error("it is not"))),
  fake("never-settles", () => new Promise(() => undefined), { deadlineMs: 100 }),
  fake("clones", async ({ clone, log }) => log(clone().git("log", "--format=%an: %s").trim()), { class: "repodir" }),
  fake("needs-kvm", () => Promise.resolve(), { needs: ["kvm"] }),
];

runProgramOf({ scenarios, graceMs: 100 });
