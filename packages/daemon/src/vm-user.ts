// A root daemon never runs a VMM, a network anchor or an image build as root: a dedicated user without a login does. A host that
// lacks it has a daemon all the same, which can say so.
import { BangerError } from "@banger/api";
import { run, type RunAs } from "@banger/host";

export const VM_USER = "banger";
/** The kernel's overflow id: owns nothing, may nothing. */
const NOBODY = 65_534;

export interface VmUser {
  /** Who is run as; null for an ordinary user's daemon. Nobody for as long as root's host has no such user. */
  readonly runAs: RunAs | null;
  /** The same, looked up again while it is missing. Throws `host.no_vm_user`. */
  required(): Promise<NamedUser | null>;
}

export type NamedUser = RunAs & { readonly name: string };

interface Ids {
  readonly uid: number;
  readonly gid: number;
}

export async function findVmUser(around: { readonly uid: number; readonly home: string }, lookUp = idsOf): Promise<VmUser> {
  const { home } = around;
  if (around.uid !== 0) return { runAs: null, required: () => Promise.resolve(null) };
  let ids = await lookUp(VM_USER);
  return {
    runAs: {
      get uid() {
        return ids?.uid ?? NOBODY;
      },
      get gid() {
        return ids?.gid ?? NOBODY;
      },
      home,
    },
    async required() {
      ids ??= await lookUp(VM_USER);
      if (ids !== undefined) return { ...ids, home, name: VM_USER };
      throw new BangerError("host.no_vm_user", `root runs VMs as the user ${JSON.stringify(VM_USER)}, which this host does not have`, {
        hint: `useradd --system --user-group --no-create-home --home-dir /var/lib/banger --shell /usr/sbin/nologin ${VM_USER}, then: banger doctor`,
      });
    },
  };
}

async function idsOf(name: string): Promise<Ids | undefined> {
  const entry = await run(["getent", "passwd", name]).catch(() => undefined);
  const fields = entry?.stdout.trim().split(":");
  const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])];
  return uid > 0 && gid > 0 ? { uid, gid } : undefined;
}
