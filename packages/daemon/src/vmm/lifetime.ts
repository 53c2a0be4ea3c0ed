// The end of a VMM, the same for every driver: noticing it, also of one that another daemon started, and bringing it about.
import { isProcessAlive, poll } from "@banger/host";
import type { VmmExit, VmmProcess } from "./contract.ts";
import { exitOf } from "./jail-status.ts";
import { killJail, readJailStatus, untilGone } from "./launcher.ts";
import { removeSockets, vmFiles } from "./vm-directory.ts";

/** Milliseconds between looks at a process that may not be a child of ours, for the end that nobody tells of. */
const LOOK_MS = 500;
const JAIL_REPORT_MS = 2000;

/**
 * Resolves when the VMM has ended, with what its jail recorded. The jail's outer process writes the exit code the moment it has
 * reaped the VMM, and that file tells every daemon, also one that started neither. Throws the signal's reason.
 */
export async function waitForEnd(process: VmmProcess, signal: AbortSignal): Promise<VmmExit> {
  const { jailStatus } = vmFiles(process.vmDir);
  const isGone = () => (isProcessAlive(process.vmm) ? undefined : true);
  await poll(isGone, { timeoutMs: Number.POSITIVE_INFINITY, intervalMs: LOOK_MS, file: jailStatus, signal });
  await untilGone([process.jail], JAIL_REPORT_MS);
  return exitOf(readJailStatus(jailStatus).exitCode);
}

export interface EndOptions {
  /** Names in `run/` to remove. */
  readonly sockets: readonly string[];
  /** Asks the VMM to end by itself; its failure only means that it is killed. */
  readonly ask?: () => Promise<void>;
  readonly askTimeoutMs?: number;
}

/** Ends the VMM and its jail for sure. Idempotent. */
export async function endForSure(process: VmmProcess, options: EndOptions): Promise<void> {
  if (options.ask !== undefined && isProcessAlive(process.vmm)) {
    const asked = await options.ask().then(
      () => true,
      () => false,
    );
    if (asked) await untilGone([process.vmm, process.jail], options.askTimeoutMs ?? 0);
  }
  await killJail(process);
  await removeSockets(process.vmDir, options.sockets);
}
