import { join } from "node:path";
import { BangerError } from "@banger/api";
import { findProgram } from "@banger/host";
import { planJail } from "../../vmm/jail.ts";
import { resolveProgram } from "../../vmm/program.ts";
import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";
import { readIfThere } from "../read-if-there.ts";

export const userNamespaces: Check<DoctorDeps> = {
  id: "user-namespaces",
  about: "Each VM runs in a jail made of user namespaces. The check builds that jail around a program that does nothing.",
  async run({ vmUser, searchPath, run, files }, signal) {
    const runAs = await vmUser();
    const bwrap = await findProgram("bwrap", searchPath);
    if (bwrap === undefined) return { status: "skipped", summary: "cannot be tried without bwrap" };
    const program = await resolveProgram((await findProgram("true", searchPath)) ?? "true");
    const argv = planJail({
      program: program.argv,
      env: {},
      binds: program.binds,
      network: "none",
      runAs,
      tools: { bwrap, nsenter: "nsenter", searchPath },
      statusFd: 1,
      endsWithStarter: true,
    });
    try {
      await run(argv, { signal, cwd: "/", timeoutMs: 10_000 });
    } catch (error) {
      if (!(error instanceof BangerError) || error.code !== "host.command_failed") throw error;
      const limit = await limitInForce(files.sysctl);
      return {
        status: "failed",
        summary: `the jail of a VM cannot be built: ${error.message}`,
        fix: limit ?? "in a container, allow user namespaces and mounts in them",
      };
    }
    return { status: "ok", summary: `the jail of a VM works${runAs === null ? "" : ` as ${runAs.name}`}` };
  },
};

/** The ways a host forbids user namespaces, each with the command that lifts it. */
const LIMITS = [
  { setting: "kernel/unprivileged_userns_clone", forbids: "0", fix: "sudo sysctl -w kernel.unprivileged_userns_clone=1" },
  {
    setting: "kernel/apparmor_restrict_unprivileged_userns",
    forbids: "1",
    fix: "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
  },
  { setting: "user/max_user_namespaces", forbids: "0", fix: "sudo sysctl -w user.max_user_namespaces=15000" },
] as const;

async function limitInForce(sysctl: string): Promise<string | undefined> {
  for (const { setting, forbids, fix } of LIMITS) {
    if ((await readIfThere(join(sysctl, setting)))?.trim() === forbids) return fix;
  }
  return undefined;
}
