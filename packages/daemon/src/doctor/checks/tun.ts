import { BangerError } from "@banger/api";
import { asUser } from "@banger/host";
import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";

export const tun: Check<DoctorDeps> = {
  id: "tun",
  about: "Guests reach the network through taps, made by opening /dev/net/tun. Without it exec, ssh and copying still work.",
  async run({ vmUser, user, run, files }, signal) {
    const runAs = await vmUser();
    try {
      // Opening is what counts: permission bits say nothing of a missing driver or a container's device rules.
      await run(asUser(["dd", `if=${files.tun}`, `of=${files.tun}`, "count=0", "conv=notrunc,nocreat", "status=none"], runAs), {
        signal,
        timeoutMs: 10_000,
      });
    } catch (error) {
      if (!(error instanceof BangerError) || error.code !== "host.command_failed") throw error;
      return refusal(files.tun, error.message, (runAs ?? user).name);
    }
    return { status: "ok", summary: `${files.tun} opens` };
  },
};

function refusal(device: string, reason: string, user: string) {
  const status = "warning";
  if (/No such (file|device)/.test(reason)) {
    return { status, summary: `${device} is missing: guests have no network`, fix: "sudo modprobe tun" } as const;
  }
  if (/Permission denied|not permitted/.test(reason)) {
    return {
      status,
      summary: `${device} may not be opened by ${user}: guests have no network`,
      fix: `sudo chmod 0666 ${device}  (the usual mode; until the next boot)`,
    } as const;
  }
  return { status, summary: `${device} does not open: ${reason}` } as const;
}
