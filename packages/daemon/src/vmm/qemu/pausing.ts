// A guest that QEMU has stopped because the host's disk had no room for a write (`werror=enospc`): its run state is then
// `io-error`, and `cont` makes it write again. https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html
import { join } from "node:path";
import type { VmmProcess } from "../contract.ts";
import { vmFiles } from "../vm-directory.ts";
import { QEMU_SOCKETS } from "./argv.ts";
import { QmpClient } from "./qmp.ts";

/** As `VmmPausing.watch`. */
export async function watchPauses(process: VmmProcess, onChange: (isPaused: boolean) => void, signal: AbortSignal): Promise<void> {
  let hasChanged = Promise.withResolvers<void>();
  const onEvent = (name: string) => {
    if (name === "STOP" || name === "RESUME") hasChanged.resolve();
  };
  using client = await QmpClient.connect(join(vmFiles(process.vmDir).run, QEMU_SOCKETS.events), signal, onEvent);
  const over = client.closed(signal).then(() => true);
  over.catch(() => undefined);
  let isPaused: boolean | undefined;
  do {
    hasChanged = Promise.withResolvers<void>();
    const was = isPaused;
    isPaused = isStoppedByError(await client.execute("query-status", signal));
    if (isPaused !== was) onChange(isPaused);
  } while ((await Promise.race([over, hasChanged.promise])) !== true);
}

/** As `VmmPausing.resume`. */
export async function resume(process: VmmProcess, signal: AbortSignal): Promise<void> {
  using client = await QmpClient.connect(join(vmFiles(process.vmDir).run, QEMU_SOCKETS.qmp), signal);
  await client.execute("cont", signal);
}

function isStoppedByError(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "status" in answer && answer.status === "io-error";
}
