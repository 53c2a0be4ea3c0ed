// Which scenarios a run is about. Pure.
import type { Scenario } from "./scenario.ts";

export class UsageError extends Error {}

/** The named scenarios in registry order, or all. Throws UsageError that names the nearest for an unknown one. */
export function selectScenarios(all: readonly Scenario[], names: readonly string[] | undefined): readonly Scenario[] {
  if (names === undefined) return all;
  if (names.length === 0) throw new UsageError("no scenario named; --list shows them");
  for (const name of names) {
    if (all.some((scenario) => scenario.name === name)) continue;
    throw new UsageError(
      `no scenario is called ${JSON.stringify(name)}. Did you mean ${JSON.stringify(
        nearest(
          name,
          all.map((each) => each.name),
        ),
      )}?`,
    );
  }
  return all.filter((scenario) => names.includes(scenario.name));
}

/** The first in the alphabet of those that are as near. */
function nearest(word: string, known: readonly string[]): string {
  return known.toSorted().toSorted((a, b) => editDistance(word, a) - editDistance(word, b))[0] ?? "";
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substituted));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
