// Holds the lease of a `--rm` VM: while the connection stands the VM lives. After a crash of the daemon there are 30 s to take
// it up again.
import { setTimeout as delay } from "node:timers/promises";
import { BangerError, routes, type Client } from "@banger/api";
import type { CliContext } from "../context.ts";

/** Milliseconds in which a lost lease can be taken up again; then the daemon deletes the VM. */
const RETAKE_MS = 30_000;
const RETRY_MS = 250;

export interface LeaseRequest {
  readonly context: CliContext;
  readonly client: Client;
  readonly vmName: string;
}

/** Holds the lease until disposed. */
export function holdLease(request: LeaseRequest): AsyncDisposable {
  const ended = new AbortController();
  const held = keepHolding(request, ended.signal);
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await held;
    },
  };
}

/**
 * Gives up the lease of a VM that did not get ready in time, so that its logs can tell why. Answers whether `error` says so: any
 * other end is the VM's too.
 */
export async function keepForALook(error: unknown, client: Client, vmName: string): Promise<boolean> {
  if (!(error instanceof BangerError) || error.code !== "guest.not_ready") return false;
  await client.call(routes.vmLeaseRelease, { params: { name: vmName } }).catch(() => undefined);
  return true;
}

async function keepHolding({ context, client, vmName }: LeaseRequest, signal: AbortSignal): Promise<void> {
  let lostAt: number | undefined;
  while (!signal.aborted) {
    const since = performance.now();
    try {
      const current = lostAt === undefined ? client : await context.connect({ signal });
      await current.progress(routes.vmLease, { params: { name: vmName } }, { signal });
      return;
    } catch (error) {
      if (signal.aborted || isOver(error)) return;
      // A connection that stood for a while was a lease held: its loss begins a new term.
      if (lostAt === undefined || performance.now() - since > RETRY_MS) lostAt = performance.now();
      if (performance.now() - lostAt > RETAKE_MS) {
        context.output.note(`! the lease of ${vmName} is lost: banger vm list`);
        return;
      }
    }
    await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** The VM is gone, or is no longer leased. */
function isOver(error: unknown): boolean {
  return error instanceof BangerError && !["daemon.unreachable", "daemon.stopping", "daemon.start_failed", "internal"].includes(error.code);
}
