// What is remembered of a VM: what it should be and what became of it. What it holds on the host is the journal's.
import * as z from "zod/mini";
import { acceleratorName, driverName, portMapping, stopReason, vmName, vmStatus, workspace } from "@banger/api/validation";

export const vmRecord = z.object({
  id: z.string().check(z.regex(/^[0-9a-f]{16}$/)),
  name: vmName,
  status: vmStatus,
  stopReason: z.nullable(stopReason),
  image: z.string(),
  imageDigest: z.string(),
  vcpu: z.int(),
  memoryMib: z.int(),
  diskBytes: z.int(),
  egress: z.enum(["full", "none"]),
  /** Asked for by the user; null: the best one at each start. */
  wantedDriver: z.nullable(driverName),
  driver: driverName,
  accelerator: z.nullable(acceleratorName),
  address: z.nullable(z.string()),
  forwards: z.array(portMapping),
  authorizedKeys: z.array(z.string()),
  gitIdentity: z.nullable(z.object({ name: z.string(), email: z.string() })),
  /** Public half of the host key of the latest boot; the private half only ever exists in memory. */
  sshHostKey: z.string(),
  leased: z.boolean(),
  networkLost: z.boolean(),
  bootId: z.nullable(z.string()),
  /** Size of the console's log when the latest boot began, in bytes. */
  consoleStart: z.int(),
  createdAt: z.string(),
  startedAt: z.nullable(z.string()),
  /** Times (Unix ms) at which the guest rebooted itself of late: the reboot loop's memory. */
  reboots: z.array(z.number()),
  /** How often in a row it rebooted before it was ready (`basic`): a loop too slow for the window. */
  unreadyReboots: z._default(z.int(), 0),
  /** Repositories that were copied in; what they hold is in the VM's directory. */
  workspaces: z._default(z.array(workspace), []),
});
export type VmRecord = z.infer<typeof vmRecord>;
