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

/** Throws Interrupted after the undoing, the daemon's error otherwise; the daemon keeps a VM that did not get ready. */
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
      return { client: connected, vm: await connected.progress(routes.vmCreate, { body: request }, { signal, onEvent }) };
    },
    async undone() {
      if (client === undefined || name === undefined) return "cancelled: nothing was made";
      return (await isGone(client, name)) ? `cancelled: ${name} is undone` : `cancelled: ${name} is being undone`;
    },
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
