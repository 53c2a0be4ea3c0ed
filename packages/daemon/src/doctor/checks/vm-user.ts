import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";

export const vmUser: Check<DoctorDeps> = {
  id: "vm-user",
  about: "A daemon that is root runs VMs and builds images as the unprivileged user banger.",
  async run({ user, runAs }) {
    if (user.uid !== 0) return { status: "skipped", summary: `not needed: VMs run as ${user.name}` };
    if (runAs !== null && runAs.uid !== 0) return { status: "ok", summary: `${runAs.name} (${runAs.uid})` };
    return {
      status: "failed",
      summary: "there is no user banger, and VMs are not run as root",
      fix: "useradd --system --user-group --no-create-home --home-dir /var/lib/banger --shell /usr/sbin/nologin banger",
    };
  },
};
