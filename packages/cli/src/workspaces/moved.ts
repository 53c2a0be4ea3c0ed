// Says when the repository has other commits than the copy in a VM.
import { Git } from "@banger/workspace";
import type { CliContext } from "../context.ts";
import type { KnownWorkspace } from "./known-workspace.ts";

/** Undefined when there is nothing to say. */
export async function movedRemark(context: CliContext, vmName: string, { top, head }: KnownWorkspace): Promise<string | undefined> {
  if (context.output.isQuiet || head === null) return undefined;
  const git = new Git({ env: context.deps.env });
  const answer = async (...args: string[]) => {
    // A repository that is gone, or git, is no reason to run nothing.
    const found = await git.run(args, { cwd: top, accept: [1, 128] }).catch(() => undefined);
    return found?.status === 0 ? found.stdout.toString("utf8").trim() : undefined;
  };
  const now = await answer("rev-parse", "--verify", "--quiet", "HEAD^{commit}");
  if (now === undefined || now === head) return undefined;
  const counts = await answer("rev-list", "--left-right", "--count", `${head}...${now}`);
  return `! ${top} is ${distance(counts)} the copy in ${vmName}.  bring them: banger vm workspace prepare ${vmName}`;
}

function distance(counts: string | undefined): string {
  const [behind = 1, ahead = 0] = (counts ?? "1 0").split("\t").map(Number);
  if (behind > 0) return "on another commit than";
  return `${ahead === 1 ? "1 commit" : `${ahead} commits`} ahead of`;
}
