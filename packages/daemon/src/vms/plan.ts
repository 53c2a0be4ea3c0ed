// What to do so that a VM becomes running, stopped or absent, from what is observed of it. Pure: the same plan serves an
// ordinary command, the undoing of one that failed, and recovery after a crash.

export type Goal = "running" | "stopped" | "absent";

export interface Observed {
  /** `partial`: its making was begun and not recorded as done. */
  readonly directory: "none" | "partial" | "made";
  readonly network: "none" | "partial" | "attached";
  /** `dead`: recorded, but no such process lives any more. */
  readonly process: "none" | "partial" | "dead" | "alive";
  /** The guest's stage as its agent tells; `silent` when the process lives and nothing answers. */
  readonly guest: "down" | "waiting" | "running" | "broken" | "silent";
}

export type Step =
  | "make-directory"
  | "attach-network"
  | "start-vmm"
  | "configure-guest"
  | "shutdown-guest"
  | "end-vmm"
  | "detach-network"
  | "remove-directory"
  | "forget";

export function planVm(goal: Goal, observed: Observed): Step[] {
  switch (goal) {
    case "running":
      return planRunning(observed);
    case "stopped":
      return [...(observed.directory === "made" ? [] : (["make-directory"] as const)), ...planDown(observed, "gently")];
    case "absent":
      return [...planDown(observed, "at once"), ...(observed.directory === "none" ? [] : (["remove-directory"] as const)), "forget"];
  }
}

function planRunning(observed: Observed): Step[] {
  if (observed.process === "alive" && observed.guest === "running") return [];
  if (observed.process === "alive" && observed.guest === "waiting") return ["configure-guest"];
  return [
    ...(observed.process === "none" ? [] : (["end-vmm"] as const)),
    ...(observed.directory === "made" ? [] : (["make-directory"] as const)),
    "attach-network",
    "start-vmm",
    "configure-guest",
  ];
}

function planDown(observed: Observed, manner: "gently" | "at once"): Step[] {
  const answers = observed.process === "alive" && observed.guest === "running";
  return [
    ...(answers && manner === "gently" ? (["shutdown-guest"] as const) : []),
    ...(observed.process === "none" ? [] : (["end-vmm"] as const)),
    ...(observed.network === "none" ? [] : (["detach-network"] as const)),
  ];
}
