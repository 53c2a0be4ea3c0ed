// A note beside the VM's logs, written before its VMM is started: what is needed, with the jail's status file, to recognise a
// VMM whose start the daemon did not live to record.
import { closeSync, readFileSync, writeSync } from "node:fs";
import type { AcceleratorName, DriverName } from "@banger/api";
import { acceleratorName, driverName } from "@banger/api/validation";
import * as z from "zod/mini";
import type { VmmProcess } from "./contract.ts";
import { findLaunched } from "./launcher.ts";
import { openLog, vmFiles } from "./vm-directory.ts";

const launchNote = z.object({ vmId: z.string(), driver: driverName, accelerator: acceleratorName });
export type LaunchNote = z.infer<typeof launchNote>;

export function writeLaunchNote(vmDir: string, note: LaunchNote): void {
  const descriptor = openLog(vmFiles(vmDir).launchNote, null, true);
  try {
    writeSync(descriptor, `${JSON.stringify(note)}\n`);
  } finally {
    closeSync(descriptor);
  }
}

/** The live VMM that `driver` started for `vmDir`, from what was left there. */
export function findNoted(vmDir: string, driver: DriverName): VmmProcess | null {
  const note = readLaunchNote(vmFiles(vmDir).launchNote);
  if (note?.driver !== driver) return null;
  const accelerator: AcceleratorName = note.accelerator;
  const found = findLaunched(vmDir, note.vmId);
  return found === undefined ? null : { driver, accelerator, vmDir, ...found };
}

function readLaunchNote(path: string): LaunchNote | undefined {
  try {
    return launchNote.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    // A note cut short by a crash was written before anything was started.
    if (error instanceof SyntaxError || error instanceof z.core.$ZodError || (error as NodeJS.ErrnoException).code === "ENOENT")
      return undefined;
    throw error;
  }
}
