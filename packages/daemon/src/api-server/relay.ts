// Joins an upgraded API connection and a connection inside the guest, half-close and back-pressure kept.
import type { Duplex } from "node:stream";

/** Carries bytes both ways until both ends are done. When one breaks, so does the other; one that is done lets the other flush. */
export function relayBytes(api: Duplex, guest: Duplex): void {
  api.pipe(guest);
  guest.pipe(api);
  for (const [one, other] of [
    [api, guest],
    [guest, api],
  ] as const) {
    one.on("error", () => other.destroy());
    one.once("close", () => (one.errored === null ? other.end(() => other.destroy()) : other.destroy()));
  }
}
