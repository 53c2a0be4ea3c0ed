// A guest for tests: a directory, told of in the agent's words, and a count of what it had to read.
import { Readable } from "node:stream";
import { createHash } from "node:crypto";
import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { leadsToDirectory, selectionTar, treeLines } from "@banger/testkit";
import { BangerError, nameOfText } from "@banger/api";
import type { Manifest } from "@banger/api/guest-manifest";
import type { TellingGuest } from "./take-changes.ts";

export interface CountingGuest extends TellingGuest {
  /** Names whose content was asked for, to be hashed or sent. */
  readonly read: string[];
}

export function directoryGuest(root: string): CountingGuest {
  const read: string[] = [];
  const note = (paths64: readonly string[]) => read.push(...paths64.map((name) => Buffer.from(name, "base64").toString()));
  return {
    read,
    tree(path, options = {}) {
      if (!leadsToDirectory(join(root, path))) return Promise.reject(new BangerError("guest.path_not_found", `no directory at ${path}`));
      return Promise.resolve(Readable.from([Buffer.from(treeLines(join(root, path), undefined, options.stamps))]));
    },
    treeIds({ path, paths64 }) {
      note(paths64);
      return Promise.resolve(Readable.from([Buffer.from(treeLines(join(root, path), paths64))]));
    },
    selectFiles({ path, paths64 }) {
      note(paths64);
      return Promise.resolve(Readable.from(selectionTar(join(root, path), paths64)));
    },
  };
}

/** What these names hold now, unstamped. */
export function manifestOf(directory: string, names: readonly string[]): Manifest {
  return new Map(
    names.map((name) => {
      const stats = lstatSync(join(directory, name));
      const isLink = stats.isSymbolicLink();
      const content = isLink ? Buffer.from(readlinkSync(join(directory, name))) : readFileSync(join(directory, name));
      const mode = isLink ? "120000" : (stats.mode & 0o100) === 0 ? "100644" : "100755";
      const id = createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
      return [nameOfText(name), { mode, id, stamp: "" }];
    }),
  );
}

/** The manifest in the words of `git ls-tree -r -z`. */
export function lsTree(manifest: Manifest): Buffer {
  return Buffer.from([...manifest].map(([name, { mode, id }]) => `${mode} blob ${id}\t${name}\0`).join(""), "latin1");
}
