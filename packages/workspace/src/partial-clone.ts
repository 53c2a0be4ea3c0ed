// A partial clone has left contents at its remote, to be fetched when git wants them. A guest gets them from here, and nothing is
// fetched behind the user's back: https://git-scm.com/docs/partial-clone
import { BangerError } from "@banger/api";
import type { Git } from "./git.ts";
import { SHALLOW_DEPTH, upstreamOf } from "./history.ts";
import type { WorkspacePlan } from "./plan.ts";

export type SentHistory = Pick<WorkspacePlan, "repository" | "commit"> & { readonly mode: "shallow" | "full" };

/** Throws `workspace.unsupported` when something of the history that would be sent is only at a remote. */
export async function refuseMissing(git: Git, { repository, commit, mode }: SentHistory): Promise<void> {
  const { top } = repository;
  const remote = await promisorOf(git, top);
  if (remote === undefined || commit === undefined) return;
  const upstream = await upstreamOf(git, repository);
  const depth = mode === "shallow" ? [`--max-count=${SHALLOW_DEPTH}`] : [];
  for (const tip of upstream === undefined ? [commit] : [commit, upstream]) {
    if (!(await lacksObjects(git, top, [...depth, tip]))) continue;
    throw new BangerError(
      "workspace.unsupported",
      `${top} is a partial clone: some of the history that a guest gets is only at ${remote}`,
      {
        hint: `git -C ${top} fetch --refetch --no-filter ${remote}`,
      },
    );
  }
}

async function promisorOf(git: Git, cwd: string): Promise<string | undefined> {
  const answer = await git.run(["config", "--get-regexp", "^remote\\..*\\.promisor$", "^(true|yes|on|1)$"], { cwd, accept: [1] });
  return /^remote\.(.*)\.promisor /m.exec(answer.stdout.toString("utf8"))?.[1];
}

async function lacksObjects(git: Git, cwd: string, which: readonly string[]): Promise<boolean> {
  let isLineBegin = true;
  for await (const chunk of git.stream(["rev-list", "--objects", "--no-object-names", "--missing=print", ...which], { cwd })) {
    if ((isLineBegin && chunk[0] === QUESTION) || chunk.includes("\n?")) return true;
    isLineBegin = chunk.at(-1) === NEWLINE;
  }
  return false;
}

const [QUESTION, NEWLINE] = [0x3f, 0x0a];
