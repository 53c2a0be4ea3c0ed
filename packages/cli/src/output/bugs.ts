// What is not a BangerError is a bug: its stack goes to a file, the user gets one line and the file's place.
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { BangerError, makeStateDirectory, type Paths } from "@banger/api";

export function reportBug(error: unknown, paths: Paths, isRoot: boolean): BangerError {
  const message = error instanceof Error ? (error.message.split("\n")[0] ?? error.name) : String(error);
  const file = join(paths.stateDir, "cli.log");
  try {
    makeStateDirectory(paths, isRoot);
    appendFileSync(file, `${inspect(error)}\n\n`, { mode: 0o600 });
  } catch (cause) {
    // Without a place for it, the stack itself is better than nothing.
    return new BangerError("internal", `banger has a bug: ${inspect(error)}`, { cause });
  }
  return new BangerError("internal", `banger has a bug: ${describe(error, message)}`, { hint: `the details are in ${file}`, cause: error });
}

/** Zod tells an answer that is not as declared as a JSON document. */
function describe(error: unknown, message: string): string {
  const issues = (error as { readonly issues?: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] }).issues;
  const first = Array.isArray(issues) ? issues[0] : undefined;
  return first === undefined ? message : `the daemon's answer is not as declared: ${first.path.join(".")}: ${first.message}`;
}
