// Makes a VM with progress; an interruption undoes it and says so.
import { setTimeout as delay } from "node:timers/promises";
import { BangerError, routes, type Client, type CreateVmBody, type ProgressEvent, type ProgressSink, type Vm } from "@banger/api";
import type { CliContext } from "../context.ts";
import { interruptible } from "../interrupt.ts";
import { createProgress } from "../output/progress.ts";

export interface Created {
  readonly client: Client;
  readonly vm: Vm;
}

/** Throws Interrupted after the undoing, the daemon's error otherwise; a leased VM that did not get ready is kept for a look. */
export async function createVm(context: CliContext, request: CreateVmBody, watch?: ProgressSink): Promise<Created> {
  let client: Client | undefined;
  let name = request.name;
  return interruptible(context.deps, {
    async work(signal) {
      const connected = await context.connect({ signal });
      client = connected;
      using progress = await createProgress(context);
      const show = progress.sink();
      const onEvent = (event: ProgressEvent) => {
        if (event.type === "spec") name = event.name;
        show(event);
        watch?.(event);
      };
      try {
        return { client: connected, vm: await connected.progress(routes.vmCreate, { body: request }, { signal, onEvent }) };
      } catch (error) {
        throw await notReady(error, { client: connected, name, isLeased: request.lease === true });
      }
    },
    async undone() {
      if (client === undefined || name === undefined) return "cancelled: nothing was made";
      return (await isGone(client, name)) ? `cancelled: ${name} is undone` : `cancelled: ${name} is being undone`;
    },
  });
}

/** A VM that did not get ready in time is worth a look: its lease is given up, so that it stays. */
async function notReady(
  error: unknown,
  made: { readonly client: Client; readonly name: string | undefined; readonly isLeased: boolean },
): Promise<unknown> {
  if (!(error instanceof BangerError) || error.code !== "guest.not_ready" || made.name === undefined) return error;
  if (made.isLeased) await made.client.call(routes.vmLeaseRelease, { params: { name: made.name } }).catch(() => undefined);
  return BangerError.fromBody({
    ...error.toBody(),
    hint: `the VM is kept for a look: banger vm logs ${made.name}     remove it: banger vm delete ${made.name}`,
  });
}

const UNDO_TIMEOUT_MS = 10_000;
const POLL_MS = 50;

/** Whether the half-made VM goes away in time; the daemon undoes it once we have hung up. */
async function isGone(client: Client, name: string): Promise<boolean> {
  const deadline = performance.now() + UNDO_TIMEOUT_MS;
  do {
    try {
      await client.call(routes.vmShow, { params: { name } });
    } catch (error) {
      return error instanceof BangerError && error.code === "vm.not_found";
    }
    await delay(POLL_MS);
  } while (performance.now() < deadline);
  return false;
}
