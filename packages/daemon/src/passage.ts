// Whether the user who runs root's VMs can get to their files: a BANGER_HOME below a closed directory is open to root alone.
import { dirname } from "node:path";
import { BangerError } from "@banger/api";
import { asUser, type run } from "@banger/host";
import type { NamedUser } from "./vm-user.ts";

/** Throws `state.not_writable` with the directory that is in the way. */
export async function checkPassage(user: NamedUser, path: string, runProgram: typeof run): Promise<void> {
  if (await passes(user, path, runProgram)) return;
  let closed = path;
  while (closed !== dirname(closed) && !(await passes(user, dirname(closed), runProgram))) closed = dirname(closed);
  throw new BangerError(
    "state.not_writable",
    `the user ${user.name}, who runs root's VMs, cannot get to ${path}: ${closed} is closed to it`,
    {
      hint: `chmod o+x ${closed}, or set BANGER_HOME to a directory elsewhere`,
    },
  );
}

/** As the kernel decides it, with whatever it knows of beyond modes. */
async function passes(user: NamedUser, path: string, runProgram: typeof run): Promise<boolean> {
  try {
    await runProgram(asUser(["test", "-x", path], user), { cwd: "/" });
    return true;
  } catch (error) {
    if (error instanceof BangerError && error.code === "host.command_failed") return false;
    throw error;
  }
}
