// What to type after a copy that the guest or the daemon refused: they do not know which path of which VM was meant.
import { posix } from "node:path";
import { BangerError } from "@banger/api";
import { shellLine } from "../ssh/argv.ts";

export interface GuestPath {
  readonly vm: string;
  readonly path: string;
}

/** The error with a hint on `place`, unless it has one of its own. */
export function withNextStep(error: unknown, place: GuestPath): unknown {
  if (!(error instanceof BangerError) || error.hint !== undefined) return error;
  const hint = nextStep(error, place);
  return hint === undefined ? error : BangerError.fromBody({ ...error.toBody(), hint });
}

/** The command that shows what is at a path of a guest. */
export function lookInGuest({ vm, path }: GuestPath): string {
  return `banger vm exec ${vm} -- ${shellLine(["ls", "-ld", path])}`;
}

function nextStep({ code }: BangerError, place: GuestPath): string | undefined {
  switch (code) {
    case "guest.path_not_found":
      return `banger vm exec ${place.vm} -- ${shellLine(["ls", "-a", posix.dirname(place.path)])}`;
    case "copy.bad_request":
      return lookInGuest(place);
    case "guest.disk_full":
      return `banger vm exec ${place.vm} -- df -h`;
    case "guest.failed":
    case "api.bad_request":
      return `banger vm logs ${place.vm} --source agent`;
    default:
      return undefined;
  }
}
