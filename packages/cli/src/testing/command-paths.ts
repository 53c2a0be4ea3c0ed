// All commands of banger, by the words that name them.
import { root } from "../commands/root.ts";

interface Entries {
  readonly getAllEntries: () => readonly { readonly name: { readonly original: string }; readonly target: object }[];
}

export function commandPaths(): readonly (readonly string[])[] {
  return pathsBelow(root, []);
}

function pathsBelow(target: object, path: readonly string[]): readonly (readonly string[])[] {
  if (!("getAllEntries" in target)) return [path];
  return (target as Entries).getAllEntries().flatMap((entry) => pathsBelow(entry.target, [...path, entry.name.original]));
}
