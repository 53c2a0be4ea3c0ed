// Who commits: the guest's git is told what the host's says where the command is typed.
import { promisify } from "node:util";
import type { CreateVmBody } from "@banger/api";
import type { CliDeps } from "../deps.ts";

export type GitIdentity = NonNullable<CreateVmBody["gitIdentity"]>;

/** Milliseconds; a configuration on a file system that hangs is no reason to. */
const TIMEOUT_MS = 5000;

/** Undefined without git, or where it knows no name or no email. */
export async function gitIdentity({
  childProcess,
  cwd,
  env,
}: Pick<CliDeps, "childProcess" | "cwd" | "env">): Promise<GitIdentity | undefined> {
  const asked = promisify(childProcess.execFile)("git", ["config", "-z", "--get-regexp", "^user\\.(name|email)$"], {
    ...{ cwd, env, timeout: TIMEOUT_MS },
  });
  // A git that is missing, knows nothing or is itself misconfigured keeps nobody from making a VM.
  const answer = await asked.catch(() => undefined);
  return answer && parseIdentity(answer.stdout);
}

/** Of `KEY NEWLINE VALUE NUL` entries the last of a key counts. */
export function parseIdentity(text: string): GitIdentity | undefined {
  const values = new Map(
    text.split("\0").map((entry) => {
      const at = entry.indexOf("\n");
      return [entry.slice(0, Math.max(at, 0)), entry.slice(at + 1)] as const;
    }),
  );
  const [name, email] = [values.get("user.name") ?? "", values.get("user.email") ?? ""];
  return name === "" || email === "" ? undefined : { name, email };
}
