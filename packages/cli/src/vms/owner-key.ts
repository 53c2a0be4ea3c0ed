// The public key a new VM lets in.
import { BangerError } from "@banger/api";
import type { CliContext } from "../context.ts";
import { ensureSshKey } from "../daemon/ssh-key.ts";

/** Empty where there is no ssh-keygen, unless ssh `isNeeded`. */
export async function authorizedKeys(context: CliContext, isNeeded: boolean): Promise<readonly string[]> {
  try {
    return [(await ensureSshKey(context.deps, context.paths)).publicKey];
  } catch (error) {
    if (!isNeeded && error instanceof BangerError && error.code === "host.command_missing") return [];
    throw error;
  }
}
