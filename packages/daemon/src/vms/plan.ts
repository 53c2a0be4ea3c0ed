// What to do so that a VM becomes running, stopped or absent, from what is observed of it. Pure: the same plan serves an
// ordinary command, the undoing of one that failed, and recovery after a crash.

/** `down`: stopped to be started again at once. */
export type Goal = "running" | "stopped" | "down" | "absent";

export interface Observed {
  /** `partial`: its making was begun and not recorded as done. */
  readonly directory: "none" | "partial" | "made";
  readonly network: "none" | "partial" | "attached";
  /** `dead`: recorded, but no such process lives any more. */
  readonly process: "none" | "partial" | "dead" | "alive";
  /** The guest's stage as its agent tells; `silent` when the process lives and nothing answers. */
  readonly guest: "down" | "waiting" | "running" | "broken" | "silent";
  /** What its guest changed of workspaces: `untaken` when it may hold something that nobody has; `none` without workspaces. */
  readonly work: "none" | "untaken" | "taken";
}

export type Step =
  | "make-directory"
  | "attach-network"
  | "start-vmm"
  | "configure-guest"
  /** Fails when the changes cannot be had. */
  | "keep-changes"
  /** Goes on without them: they are on the disk. */
  | "try-keep-changes"
  /** From here on it goes, whoever dies. */
  | "condemn"
  | "shutdown-guest"
  | "end-vmm"
  | "detach-network"
  | "retire-changes"
  | "remove-directory"
  | "forget";

export function planVm(goal: Goal, observed: Observed): Step[] {
  switch (goal) {
    case "running":
      return planRunning(observed);
    case "stopped":
    case "down":
      return [
        ...(observed.directory === "made" ? [] : (["make-directory"] as const)),
        ...(goal === "stopped" && mayTell(observed) ? (["try-keep-changes"] as const) : []),
        ...planDown(observed, "gently"),
      ];
    case "absent":
      return [
        ...(observed.work === "untaken" ? (["keep-changes"] as const) : []),
        "condemn",
        ...planDown(observed, "at once"),
        ...(observed.work === "none" ? [] : (["retire-changes"] as const)),
        ...(observed.directory === "none" ? [] : (["remove-directory"] as const)),
        "forget",
      ];
  }
}

/**
 * What undoes is run whatever else of it has failed, but for what would lose something then: a VM that could not be condemned is
 * not touched, the disk stays while a VMM or work may need it, and what is not all gone is not forgotten.
 */
export function isBarred(step: Step, failed: Pick<ReadonlySet<Step>, "has" | "size">): boolean {
  if (failed.has("keep-changes") || failed.has("condemn")) return true;
  if (step === "remove-directory") return failed.has("end-vmm") || failed.has("retire-changes");
  return step === "forget" && failed.size > 0;
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

/** Whether there are changes that the guest could hand over. */
function mayTell(observed: Observed): boolean {
  return observed.work !== "none" && mayAnswer(observed);
}

/** A guest that is silent may just have lost its connection, or be slow. */
function mayAnswer({ process, guest }: Observed): boolean {
  return process === "alive" && (guest === "running" || guest === "silent");
}

function planDown(observed: Observed, manner: "gently" | "at once"): Step[] {
  return [
    ...(manner === "gently" && mayAnswer(observed) ? (["shutdown-guest"] as const) : []),
    ...(observed.process === "none" ? [] : (["end-vmm"] as const)),
    ...(observed.network === "none" ? [] : (["detach-network"] as const)),
  ];
}
