// Exit statuses of banger, as a shell user expects them.
import { constants } from "node:os";

export const EXIT = {
  ok: 0,
  /** banger's own failure. */
  failure: 1,
  /** The command line is wrong; nothing was done. */
  usage: 2,
  /** banger's own failure around a command in a guest, so that it cannot be taken for the command's status. */
  aroundGuest: 125,
  notExecutable: 126,
  notFound: 127,
} as const;

const SIGNAL_BASE = 128;

/** 128 + the signal's number, as shells report a death by signal. */
export function signalStatus(signal: NodeJS.Signals): number {
  return SIGNAL_BASE + constants.signals[signal];
}

/** The same for a signal known by its number, as a guest reports it. */
export function signalNumberStatus(number: number): number {
  return SIGNAL_BASE + number;
}

export const EXIT_STATUS_HELP = `EXIT STATUS
  0 done, 1 failed, 2 the command line is wrong`;

export const GUEST_EXIT_STATUS_HELP = `EXIT STATUS
  the command's own status; 128+N when signal N ended it; 126 not executable, 127 not found;
  125 banger itself failed, 2 the command line is wrong`;
