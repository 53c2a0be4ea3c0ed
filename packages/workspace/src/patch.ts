// The patch between two trees of the store: binary-safe, the same whatever the user's git is told to show, and what `git apply`
// takes.
import type { Git } from "./git.ts";
import type { WorkspaceStore } from "./store.ts";

export interface PatchRequest {
  readonly store: WorkspaceStore;
  readonly from: string;
  readonly to: string;
  /** `stat` sums up instead. */
  readonly format?: "patch" | "stat" | undefined;
  readonly isColoured?: boolean | undefined;
  /** Columns of a summary; 80 without it. */
  readonly width?: number | undefined;
}

const PLAIN = ["--no-ext-diff", "--no-textconv", "--find-renames", "--src-prefix=a/", "--dst-prefix=b/"] as const;

export function makePatch(
  git: Git,
  { store, from, to, format = "patch", isColoured = false, width = 80 }: PatchRequest,
): AsyncGenerator<Buffer> {
  const isStat = format === "stat";
  const shape = isStat ? [`--stat=${width}`, "--summary"] : ["--patch", "--binary", "--full-index"];
  const colour = isColoured ? "--color=always" : "--color=never";
  const made = git.stream(["diff-tree", "-r", ...PLAIN, ...shape, colour, from, to], { cwd: store.directory, variables: store.variables });
  return isStat ? made : quoteHeaders(made);
}

const HEADER = /(?<=^|\n)diff --git a\/([^\n]*)/g;
const NEWLINE = 0x0a;

/**
 * Quotes the names in the first lines of files where they have blanks. Git leaves them plain, and then cannot read what it wrote
 * for an empty file in a directory whose name ends in one. Every other line of a patch begins otherwise: content is indented by
 * its sign, binary data has no blanks.
 */
export async function* quoteHeaders(patch: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of patch) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      rest = Buffer.concat([rest, chunk]);
      continue;
    }
    yield withQuotedNames(Buffer.concat([rest, chunk.subarray(0, end)]));
    rest = chunk.subarray(end);
  }
  if (rest.length > 0) yield rest;
}

function withQuotedNames(lines: Buffer): Buffer {
  if (!lines.includes("diff --git a/")) return lines;
  return Buffer.from(lines.toString("latin1").replaceAll(HEADER, quotedHeader), "latin1");
}

/** The name is there twice, so its length tells where the first one ends; a renamed file has its names on lines of their own. */
function quotedHeader(line: string, names: string): string {
  const name = names.slice(0, (names.length - " b/".length) / 2);
  return name.includes(" ") && names === `${name} b/${name}` ? `diff --git "a/${name}" "b/${name}"` : line;
}
