// Whether an accelerator works, by the only thing that tells: a timed boot of our own initramfs to the agent's first word. On
// some cloud hosts /dev/kvm opens and even makes a VM, and an ordinary kernel then crawls for minutes and dies.
import { lchown, mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { BangerError, type AcceleratorName } from "@banger/api";
import { removeTree, writeFileAtomic, type RunAs } from "@banger/host";
import * as z from "zod/mini";
import type { ConnectGuest } from "../guest/contract.ts";
import type { BootVerdict } from "./accelerator.ts";
import type { BootFiles, VmmDriver, VmmSpec } from "./contract.ts";

export interface ProbeDeps {
  readonly connectGuest: ConnectGuest;
  /** Where the probe's VM directory is made for its short life; the VM user can pass through it. */
  readonly scratchDir: string;
  readonly runAs: RunAs | null;
  readonly randomHex: (bytes: number) => string;
}

export interface ProbeSpec {
  readonly driver: VmmDriver;
  readonly accelerator: AcceleratorName;
  readonly boot: BootFiles;
  /** Milliseconds from the start to the agent's answer. */
  readonly deadlineMs: number;
}

/** Boots once and times it. A failure is an answer, not an error; leaves nothing. */
export async function probeBoot(deps: ProbeDeps, probe: ProbeSpec): Promise<BootVerdict> {
  const vmDir = await mkdtemp(join(deps.scratchDir, "probe-"));
  try {
    if (deps.runAs !== null) await lchown(vmDir, deps.runAs.uid, deps.runAs.gid);
    return await timeBoot(deps, probe, vmDir);
  } finally {
    await removeTree(vmDir, deps.scratchDir);
  }
}

async function timeBoot(deps: ProbeDeps, { driver, accelerator, boot, deadlineMs }: ProbeSpec, vmDir: string): Promise<BootVerdict> {
  const spec: VmmSpec = {
    ...{ vmId: deps.randomHex(8), vcpu: 1, memoryMib: 256, boot, kernelArguments: ["banger.probe"], disks: [] },
    ...{ nic: null, namespace: null, accelerator, vmDir, isEphemeral: true },
  };
  const startedAt = performance.now();
  const signal = AbortSignal.timeout(deadlineMs);
  const leftMs = () => Math.max(1, Math.ceil(deadlineMs - (performance.now() - startedAt)));
  try {
    const process = await driver.start(spec, signal);
    await using _vm = { [Symbol.asyncDispose]: () => driver.end(process) };
    await using guest = await deps.connectGuest({
      kind: driver.features.channel,
      open: (limit) => driver.connect(process, limit),
      signal,
      timeoutMs: leftMs(),
    });
    await guest.health(signal);
    return { works: true, agentAfterMs: Math.round(performance.now() - startedAt) };
  } catch (error) {
    if (signal.aborted || leftMs() === 1) return { works: false, reason: `a test boot did not finish in ${deadlineMs / 1000} s` };
    if (error instanceof BangerError) return { works: false, reason: `a test boot failed: ${error.message.split("\n", 1)[0]}` };
    throw error;
  }
}

const verdicts = z.record(
  z.string(),
  z.union([z.object({ works: z.literal(true), agentAfterMs: z.number() }), z.object({ works: z.literal(false), reason: z.string() })]),
);
const cacheFile = z.object({ hostBootId: z.string(), verdicts });

/** What a verdict holds for: another host boot, kernel or VMM may behave otherwise. */
export interface VerdictKey {
  readonly hostBootId: string;
  readonly driver: string;
  readonly vmmVersion: string;
  readonly kernelRelease: string;
  readonly accelerator: AcceleratorName;
  /** Who ran the VMM: another may not open the device. */
  readonly uid: number;
}

/** The remembered verdict, if the file holds one for exactly this. A damaged file holds none. */
export async function readVerdict(file: string, key: VerdictKey): Promise<BootVerdict | undefined> {
  const known = await readCache(file);
  return known?.hostBootId === key.hostBootId ? known.verdicts[nameOf(key)] : undefined;
}

/** Remembers a verdict; those of earlier host boots are forgotten. */
export async function rememberVerdict(file: string, key: VerdictKey, verdict: BootVerdict): Promise<void> {
  const known = await readCache(file);
  const kept = known?.hostBootId === key.hostBootId ? known.verdicts : {};
  const next = { hostBootId: key.hostBootId, verdicts: { ...kept, [nameOf(key)]: verdict } };
  await writeFileAtomic(file, `${JSON.stringify(next, null, 2)}\n`);
}

function nameOf(key: VerdictKey): string {
  return [key.driver, key.vmmVersion, key.kernelRelease, key.accelerator, key.uid].join(" ");
}

async function readCache(file: string): Promise<z.infer<typeof cacheFile> | undefined> {
  try {
    return cacheFile.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.core.$ZodError || (error as NodeJS.ErrnoException).code === "ENOENT")
      return undefined;
    throw error;
  }
}
