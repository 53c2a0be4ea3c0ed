// The anchor: a sleeper without logic whose only purpose is to hold a user and a network namespace open.
import { readFile } from "node:fs/promises";
import { BangerError } from "@banger/api";
import { asUser, isProcessAlive, poll, type ProcessIdentity, type RunAs } from "@banger/host";
import { endProcesses, startDetached } from "./detached.ts";
import type { Programs } from "./programs.ts";

export interface AnchorSpec {
  readonly programs: Programs;
  readonly runAs: RunAs | null;
  readonly marker: string;
  readonly logFile: string;
  readonly onExit: () => void;
  readonly signal: AbortSignal;
}

/** Starts an anchor and waits until its namespaces are there. Throws `network.setup_failed`. */
export async function startAnchor(spec: AnchorSpec): Promise<ProcessIdentity> {
  const { unshare, sleep } = spec.programs;
  // Every link of this chain replaces itself by the next, so the pid is the sleeper's from the start.
  const argv = asUser([unshare, "--user", "--map-root-user", "--net", "--", sleep, "infinity", spec.marker], spec.runAs);
  const { identity, lastWords } = await startDetached({ argv, logFile: spec.logFile, onExit: spec.onExit });
  try {
    const ready = await poll(
      async () => {
        if (!isProcessAlive(identity))
          throw new BangerError("network.setup_failed", `no user and network namespace: ${await lastWords()}`, { hint: "banger doctor" });
        return (await programOf(identity.pid)) === sleep ? true : undefined;
      },
      { timeoutMs: 10_000, intervalMs: 2, signal: spec.signal },
    );
    if (ready === undefined) throw new BangerError("network.setup_failed", "the network anchor did not start within 10 s");
    return identity;
  } catch (error) {
    await endProcesses([identity]);
    throw error;
  }
}

async function programOf(pid: number): Promise<string> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0")[0] ?? "";
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ESRCH") return "";
    throw error;
  }
}
