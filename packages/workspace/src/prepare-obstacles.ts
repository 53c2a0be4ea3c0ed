// What in a guest is in the way of a copy that is made again.
import { BangerError } from "@banger/api";
import type { FileStates } from "./changes.ts";
import { shownName, type FileName } from "./names.ts";

export interface Obstacle {
  /** Undefined for what is in the guest's git. */
  readonly name: FileName | undefined;
  readonly reason: string;
  /** What must be removed in the guest to overwrite it. */
  readonly removes: readonly FileName[];
  readonly canForce: boolean;
}

/** Everything is told before anything is written. Throws `workspace.conflict`. */
export function refuseObstacles(inTheWay: readonly Obstacle[], vmName: string, isForced: boolean): void {
  const hard = inTheWay.filter(({ canForce }) => !canForce);
  const refused = isForced ? hard : inTheWay;
  if (refused.length === 0) return;
  const told = refused.map(({ name, reason }) => (name === undefined ? reason : `${shownName(name)} (${reason})`));
  const some = told.length <= MAX_TOLD ? told.join(", ") : `${told.slice(0, MAX_TOLD).join(", ")} and ${told.length - MAX_TOLD} more`;
  const take = `banger vm workspace pull ${vmName} --into-worktree`;
  throw new BangerError("workspace.conflict", `nothing is copied: in the way in ${vmName}: ${some}`, {
    hint: hard.length > 0 ? `remove it in the guest: banger vm ssh ${vmName}` : `${take}, or --force to overwrite it in the guest`,
    details: { inTheWay: told },
  });
}

const MAX_TOLD = 10;

export interface Listing {
  /** Everything in the guest; empty when no new name could be in its way. */
  readonly all: ReadonlySet<FileName>;
  readonly repositories: readonly FileName[];
}

/** Files of the guest where a directory must be, and directories of the guest where a file must be. */
export function placesTaken(changed: readonly FileName[], files: FileStates, { all, repositories }: Listing): readonly Obstacle[] {
  const found = new Map<FileName, Obstacle>();
  const goes = new Set(changed.filter((name) => !files.has(name)));
  const below = directoriesWith([...all].filter((name) => !goes.has(name)));
  for (const name of changed.filter((candidate) => files.has(candidate))) {
    for (const above of parentsOf(name)) {
      if (all.has(above) && !goes.has(above))
        found.set(above, { name: above, reason: "a file in the guest, a directory here", removes: [above], canForce: true });
      if (repositories.includes(above))
        found.set(above, { name: above, reason: "a repository of its own in the guest", removes: [], canForce: false });
    }
    const inside = below.get(name);
    const isRepository = repositories.some((repository) => repository === name || repository.startsWith(`${name}/`));
    if (inside !== undefined || isRepository)
      found.set(name, { name, reason: "a directory in the guest, a file here", removes: inside ?? [], canForce: !isRepository });
  }
  return [...found.values()];
}

/** What is below each directory. */
function directoriesWith(names: readonly FileName[]): ReadonlyMap<FileName, readonly FileName[]> {
  const found = new Map<FileName, FileName[]>();
  for (const name of names) {
    for (const above of parentsOf(name)) {
      const known = found.get(above);
      if (known === undefined) found.set(above, [name]);
      else known.push(name);
    }
  }
  return found;
}

function parentsOf(name: FileName): readonly FileName[] {
  const parents: FileName[] = [];
  for (let at = name.lastIndexOf("/"); at !== -1; at = name.lastIndexOf("/", at - 1)) parents.push(name.slice(0, at) as FileName);
  return parents;
}
