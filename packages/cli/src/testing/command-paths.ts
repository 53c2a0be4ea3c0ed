// All commands of banger, by the words that name them.
import { loadRoot } from "../commands/root.ts";

interface Entries {
  readonly getAllEntries: () => readonly { readonly name: { readonly original: string }; readonly target: object }[];
}

export async function commandPaths(): Promise<readonly (readonly string[])[]> {
  return pathsBelow(await loadRoot([]), []);
}

function pathsBelow(target: object, path: readonly string[]): readonly (readonly string[])[] {
  if (!("getAllEntries" in target)) return [path];
  return (target as Entries).getAllEntries().flatMap((entry) => pathsBelow(entry.target, [...path, entry.name.original]));
}
