// What the last word of an exec stream means for the exit status.
import { BangerError, type Control } from "@banger/api";
import { EXIT, signalNumberStatus } from "../exit-codes.ts";

export type ExecOutcome =
  | { readonly kind: "status"; readonly status: number }
  /** The command never ran; `message` goes to stderr. */
  | { readonly kind: "refused"; readonly status: number; readonly message: string };

/** The outcome of an exit or failed control frame; undefined for others. Throws `exec.failed` when the guest could not try. */
export function outcomeOf(control: Control, program: string): ExecOutcome | undefined {
  switch (control.type) {
    case "exit":
      return { kind: "status", status: "status" in control ? control.status : signalNumberStatus(control.number) };
    case "failed":
      return refused(control, program);
    case "started":
    case "eof":
    case "resize":
    case "signal":
      return undefined;
  }
}

function refused({ code, message }: { readonly code: string; readonly message: string }, program: string): ExecOutcome {
  switch (code) {
    case "not_found":
      return { kind: "refused", status: EXIT.notFound, message: `${program}: command not found` };
    case "not_executable":
      return { kind: "refused", status: EXIT.notExecutable, message: `${program}: not executable` };
    // The relay's word for it (exec-relay.ts): the command was under way, or may have been.
    case "guest_lost":
      throw new BangerError("guest.unreachable", `the connection to the guest ended before ${program} told its status: ${message}`, {
        hint: "banger vm list",
      });
    default:
      throw new BangerError("exec.failed", `${program} could not be run in the guest: ${message}`, { details: { code } });
  }
}
