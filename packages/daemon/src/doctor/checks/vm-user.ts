import { checkPassage } from "../../passage.ts";
import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";

export const vmUser: Check<DoctorDeps> = {
  id: "vm-user",
  about: "A daemon that is root runs VMs and builds images as the unprivileged user banger.",
  async run({ user, vmUser: required, run, directories }) {
    const found = await required();
    if (found === null) return { status: "skipped", summary: `not needed: VMs run as ${user.name}` };
    await checkPassage(found, directories.vms, run);
    return { status: "ok", summary: `${found.name} (${found.uid})` };
  },
};
