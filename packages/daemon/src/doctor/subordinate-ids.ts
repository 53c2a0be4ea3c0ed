// The ranges of /etc/subuid and /etc/subgid. See subuid(5): NAME-OR-ID:FIRST:COUNT, one a line.

export interface IdRange {
  readonly owner: string;
  readonly first: number;
  readonly count: number;
}

/** What newuidmap takes; lines it would skip are skipped here. */
export function parseIdRanges(text: string): readonly IdRange[] {
  return text.split("\n").flatMap((line) => {
    const match = /^([^:\s#][^:]*):(\d+):(\d+)\s*$/.exec(line);
    const [, owner, first, count] = match ?? [];
    return owner === undefined ? [] : [{ owner, first: Number(first), count: Number(count) }];
  });
}

/** The largest range of a user, by name or number; 0 when there is none. */
export function largestRange(ranges: readonly IdRange[], user: { readonly name: string; readonly uid: number }): number {
  const own = ranges.filter(({ owner }) => owner === user.name || owner === String(user.uid));
  return Math.max(0, ...own.map(({ count }) => count));
}

/** `FIRST-LAST` of a range of `count` ids that overlaps nobody's, as usermod takes it. */
export function freeRange(ranges: readonly IdRange[], count: number): string {
  const first = Math.max(100_000, ...ranges.map((range) => range.first + range.count));
  return `${first}-${first + count - 1}`;
}
