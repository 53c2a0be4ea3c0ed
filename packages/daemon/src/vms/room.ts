// Whether there is room for a VM to run in: looked at before anything is made of it.
import { MIB } from "@banger/api";
import { diskFullError, freeBytesAt } from "@banger/host";

/** An empty disk, the records and logs of a boot, and the guest's first writes. */
const LEAST_FREE_BYTES = 32 * MIB;

/** Throws `host.disk_full` when the file system of `vmsDir` is as good as full. */
export async function requireRoom(vmsDir: string): Promise<void> {
  if ((await freeBytesAt(vmsDir)) < LEAST_FREE_BYTES) throw diskFullError(vmsDir);
}
