// The runner's program on scenarios that need no VM.
import type { Scenario } from "./scenario.ts";
import { runProgramOf } from "./runner.ts";

const fake = (name: string, run: Scenario["run"], change: Partial<Scenario> = {}): Scenario => ({
  ...{ name, description: `tries ${name}`, class: "pure", needs: [], run },
  ...change,
});

runProgramOf([
  fake("passes", async ({ log }) => log("it is well")),
  fake("fails", () => Promise.reject(new Error("it is not"))),
  fake("needs-kvm", () => Promise.resolve(), { needs: ["kvm"] }),
]);
