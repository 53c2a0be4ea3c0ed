// A host that slept wakes with its wall clock ahead of its monotonic one, which stood still; its guests' clocks stood still too.
// https://man7.org/linux/man-pages/man2/clock_gettime.2.html (CLOCK_MONOTONIC "does not count time that the system is suspended")

export interface ClockJumpDeps {
  readonly now: () => Date;
  readonly monotonicMs: () => number;
  readonly onJump: () => void;
}

/** Milliseconds between looks. */
export const CLOCK_LOOK_MS = 5000;
/** What is corrected in smaller steps, guests follow by themselves. */
const LEAST_JUMP_MS = 1000;

/** Looks from now on; answers how to stop. */
export function watchClockJumps({ now, monotonicMs, onJump }: ClockJumpDeps): () => void {
  const difference = () => now().getTime() - monotonicMs();
  let before = difference();
  const timer = setInterval(() => {
    const after = difference();
    const hasJumped = Math.abs(after - before) >= LEAST_JUMP_MS;
    before = after;
    if (hasJumped) onJump();
  }, CLOCK_LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
