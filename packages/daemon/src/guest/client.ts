// Reaching the agent: open the channel, shake hands where the channel needs it, ask for health; again until the deadline.
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { BangerError } from "@banger/api";
import { AgentClient } from "./agent-client.ts";
import type { ConnectGuest, ConnectOptions, GuestClient } from "./contract.ts";
import { resync, RESYNC_NONCE_BYTES } from "./resync.ts";
import { GuestSession, unreachable } from "./session.ts";

/** Milliseconds between two tries: at first a boot's granularity, then easy on a host that waits long. */
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 250;
/** Longest one try may take before the channel is opened anew: a write the guest missed must not cost the whole deadline. */
const TRY_MS = 10_000;
/** The protocol this daemon speaks. */
const PROTOCOL = 1;

export interface ConnectDeps {
  /** Unpredictable bytes for the handshake. */
  readonly randomBytes: (length: number) => Uint8Array;
}

export function createConnectGuest(deps: ConnectDeps): ConnectGuest {
  return async (options) => {
    const deadline = AbortSignal.timeout(options.timeoutMs);
    const signal = AbortSignal.any([options.signal, deadline]);
    let pauseMs = FIRST_PAUSE_MS;
    let last: unknown;
    while (!signal.aborted) {
      try {
        return await tryOnce(options, signal, deps);
      } catch (error) {
        if (isFinal(error)) throw error;
        // The abort that ends the last try says less than the failure before it.
        if (!signal.aborted || last === undefined) last = error;
      }
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
    if (options.signal.aborted)
      throw new BangerError("operation.cancelled", "waiting for the guest was cancelled", { cause: options.signal.reason });
    throw noAnswer(options, last);
  };
}

/** Connects, resyncs where the channel needs it, and answers once health was answered. Throws `guest.unreachable`. */
export const connectGuest: ConnectGuest = createConnectGuest({ randomBytes });

async function tryOnce(options: ConnectOptions, outer: AbortSignal, deps: ConnectDeps): Promise<GuestClient> {
  const signal = AbortSignal.any([outer, AbortSignal.timeout(TRY_MS)]);
  const channel = await options.open(signal);
  // Between two listeners of others an error must find one; the loss itself is seen where the channel is used.
  channel.on("error", () => undefined);
  try {
    if (options.kind === "serial") await resync(channel, deps.randomBytes(RESYNC_NONCE_BYTES), signal);
    const client = new AgentClient(new GuestSession(channel), options.bulkDisk ?? null);
    await checkProtocol(client, signal);
    return client;
  } catch (error) {
    channel.destroy();
    throw error;
  }
}

async function checkProtocol(client: AgentClient, signal: AbortSignal): Promise<void> {
  const health = await client.health(signal);
  if (health.protocol === PROTOCOL) return;
  throw new BangerError("api.version_skew", `the guest's agent speaks protocol ${health.protocol}, this daemon speaks ${PROTOCOL}`, {
    hint: "restart the VM to boot it with this banger's agent",
  });
}

function isFinal(error: unknown): boolean {
  return error instanceof BangerError && error.code === "api.version_skew";
}

function noAnswer(options: ConnectOptions, last: unknown): BangerError {
  const seconds = options.timeoutMs / 1000;
  if (last === undefined || isTimeout(last))
    return new BangerError("guest.unreachable", `the guest's agent did not answer within ${seconds} s`);
  const reason = last instanceof BangerError ? last : unreachable(last);
  return new BangerError("guest.unreachable", `the guest's agent did not answer within ${seconds} s (${reason.message})`, { cause: last });
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error.name === "TimeoutError" || error.name === "AbortError");
}
