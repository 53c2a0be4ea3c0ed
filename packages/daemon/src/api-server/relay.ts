// Joins an upgraded API connection and a stream of the guest, half-close and back-pressure kept.
import type { Duplex } from "node:stream";
import { encodeControl } from "@banger/api";

/** Carries bytes both ways until both ends are done. When one breaks, so does the other; a broken command says so in a last frame. */
export function relay(api: Duplex, guest: Duplex, carries: "frames" | "bytes"): void {
  api.pipe(guest);
  guest.pipe(api);
  api.on("error", () => guest.destroy());
  api.once("close", () => guest.destroy());
  guest.on("error", (error) => {
    if (carries === "frames" && api.writable) api.end(encodeControl({ type: "failed", code: "unreachable", message: `the connection to the guest was lost: ${error.message}` }));
    else api.destroy();
  });
}
