// How branches and stashes that are in a guest alone are named to people.

/** `branch wip, the stash, refs/banger/x and 3 more`. */
export function describeRefs(refs: readonly string[]): string {
  const words = refs.slice(0, 5).map((ref) => (ref === "refs/stash" ? "the stash" : ref.replace(/^refs\/heads\//, "branch ")));
  return `${words.join(", ")}${refs.length > words.length ? ` and ${refs.length - words.length} more` : ""}`;
}
