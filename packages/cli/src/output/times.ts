// Times for people.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago, in the largest unit that fits: `4m`, `2h`, `3d`. */
export function formatAge(since: string, nowMs: number): string {
  const age = Math.max(0, nowMs - Date.parse(since));
  if (Number.isNaN(age)) return "-";
  if (age < MINUTE) return `${Math.floor(age / SECOND)}s`;
  if (age < HOUR) return `${Math.floor(age / MINUTE)}m`;
  if (age < 2 * DAY) return `${Math.floor(age / HOUR)}h`;
  return `${Math.floor(age / DAY)}d`;
}

/** A duration in `ms`: `0.4s`, `58.1s`, `2m 05s`. */
export function formatDuration(ms: number): string {
  if (ms < MINUTE) return `${(ms / SECOND).toFixed(1)}s`;
  const seconds = Math.floor((ms % MINUTE) / SECOND);
  return `${Math.floor(ms / MINUTE)}m ${String(seconds).padStart(2, "0")}s`;
}
