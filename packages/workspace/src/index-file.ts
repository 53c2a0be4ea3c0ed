// What is staged, in one word.
import { createHash } from "node:crypto";
import type { IndexEntry } from "./repository.ts";

/** The same for what is in two indexes, whatever their form. */
export function indexDigest(entries: readonly IndexEntry[]): string {
  const hash = createHash("sha1");
  for (const { mode, id, stage, name } of entries) hash.update(`${mode} ${id} ${stage}\t${name}\0`, "latin1");
  return hash.digest("hex");
}
