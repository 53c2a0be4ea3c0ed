// What a new VM is told of its owner: the key it lets in, the name its commits carry.
import { BangerError } from "@banger/api";
import type { CliContext } from "../context.ts";
import { ensureSshKey } from "../daemon/ssh-key.ts";
import { gitIdentity, type GitIdentity } from "./git-identity.ts";

export interface Owner {
  readonly authorizedKeys: readonly string[];
  readonly gitIdentity: GitIdentity | undefined;
}

/** Without a key where there is no ssh-keygen, unless ssh is needed. */
export async function ownerOf(context: CliContext, isSshNeeded: boolean): Promise<Owner> {
  const [keys, identity] = await Promise.all([authorizedKeys(context, isSshNeeded), gitIdentity(context.deps)]);
  return { authorizedKeys: keys, gitIdentity: identity };
}

async function authorizedKeys(context: CliContext, isNeeded: boolean): Promise<readonly string[]> {
  try {
    return [(await ensureSshKey(context.deps, context.paths)).publicKey];
  } catch (error) {
    if (!isNeeded && error instanceof BangerError && error.code === "host.command_missing") return [];
    throw error;
  }
}
