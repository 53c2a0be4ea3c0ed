// A root daemon never runs a VMM, a network anchor or an image build as root: a dedicated user without a login does.
import { BangerError } from "@banger/api";
import { run, type RunAs } from "@banger/host";

export const VM_USER = "banger";

/** The identity to run VMMs as: null for an ordinary user's daemon. Throws `host.no_vm_user` when root has none to become. */
export async function vmUser(uid: number, home: string): Promise<RunAs | null> {
  if (uid !== 0) return null;
  const entry = await run(["getent", "passwd", VM_USER]).catch(() => undefined);
  const fields = entry?.stdout.trim().split(":");
  const [vmUid, vmGid] = [Number(fields?.[2]), Number(fields?.[3])];
  if (fields === undefined || !(vmUid > 0) || !(vmGid > 0)) {
    throw new BangerError("host.no_vm_user", `root runs VMs as the user ${JSON.stringify(VM_USER)}, which this host does not have`, {
      hint: `useradd --system --no-create-home --shell /usr/sbin/nologin ${VM_USER} && usermod --add-subuids 500000-565535 --add-subgids 500000-565535 ${VM_USER}`,
    });
  }
  return { uid: vmUid, gid: vmGid, home };
}
