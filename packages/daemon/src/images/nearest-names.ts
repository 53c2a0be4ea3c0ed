// Which names somebody may have meant.

/** Those of `known` within a third of their length in typing errors, or that contain what was typed; nearest first. */
export function nearestNames(typed: string, known: readonly string[]): string[] {
  return known
    .map((name) => ({ name, distance: contains(name, typed) ? 0 : editDistance(typed, name) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .toSorted((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name);
}

function contains(name: string, typed: string): boolean {
  return typed.length >= 3 && name.includes(typed);
}

/** Levenshtein's distance: insertions, deletions and replacements between two texts. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, fromA] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, fromB] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (fromA === fromB ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[row.length - 1] ?? 0;
}
