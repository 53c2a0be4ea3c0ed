// Reads what a guest says is in one of its directories, for whoever compares it with what was sent. Nothing of it is trusted:
// lines, names and numbers are bounded and checked, and a name that could lead out of a repository is refused by name.
import type { Readable } from "node:stream";
import * as z from "zod/mini";
import { BangerError } from "./errors.ts";
import { bytesOf, nameOfBytes, nameOfText, shownName, unsafeReason, type FileName } from "./file-names.ts";

export interface GuestLimits {
  /** Entries of a listing. */
  readonly entries: number;
  /** Bytes of their names together: each may have 4096, and all are held at once. */
  readonly nameBytes: number;
  /** Bytes of one file, and of all that are fetched. */
  readonly fileBytes: number;
  readonly totalBytes: number;
}

export const GUEST_LIMITS: GuestLimits = {
  entries: 1_000_000,
  nameBytes: 256 * 1024 ** 2,
  fileBytes: 2 * 1024 ** 3,
  totalBytes: 8 * 1024 ** 3,
};

/** A line holds one name of at most 4096 bytes, escaped. */
const MAX_LINE = 64 * 1024;
/** Names of one request together, in characters: well below what the daemon and the agent take as a body. */
const MAX_SELECTION = 512 * 1024;
/** Directories above a name. Work on a name grows with the square of them, and no tree that people made is so deep. */
const MAX_ABOVE = 128;
/** How often repositories within repositories are looked into. */
const MAX_DEPTH = 8;

export interface GuestEntry {
  readonly name: FileName;
  readonly type: "file" | "symlink" | "repository";
  /** `100644`, `100755`, `120000`; empty for a repository. */
  readonly mode: string;
  readonly size: number;
  /** Empty unless it was asked for. */
  readonly id: string;
  /** The same as long as the content is the same; empty when the guest cannot promise that. */
  readonly stamp: string;
}

export interface NameSelection {
  /** Directory in the guest. */
  readonly path: string;
  /** Names below it, in base64. */
  readonly paths64: readonly string[];
}

/** Who tells of a guest's files: its agent, or the daemon on its behalf. */
export interface TreeTeller {
  tree(path: string): Promise<Readable>;
  treeIds(selection: NameSelection): Promise<Readable>;
}

export interface GuestDirectory {
  readonly teller: TreeTeller;
  /** Directory in the guest. */
  readonly path: string;
  readonly limits: GuestLimits;
}

export interface ListedTree {
  readonly files: ReadonlyMap<FileName, GuestEntry>;
  /** Directories left out because they are repositories of their own. */
  readonly repositories: readonly FileName[];
}

/**
 * The files below the directory. A directory that became a repository in the guest but holds files that were `sent` is looked
 * into; others are left out. Throws `workspace.unsafe` for names, `guest.failed` for what is no listing, `guest.path_not_found` when the
 * directory itself is gone.
 */
export async function listTree({ teller, path, limits }: GuestDirectory, sent: Iterable<FileName>): Promise<ListedTree> {
  const files = new Map<FileName, GuestEntry>();
  const repositories: FileName[] = [];
  const directories = directoriesOf(sent);
  const counted = { entries: 0, nameBytes: 0 };
  const visit = async (below: string, depth: number): Promise<void> => {
    const told = below === "" ? tellRoot(teller, path) : teller.tree(`${path}/${textOf(below)}`);
    const listed = await readEntries(await told, limits);
    for (const entry of listed.values()) {
      const name = (below === "" ? entry.name : `${below}/${entry.name}`) as FileName;
      count(counted, name, limits);
      if (entry.type !== "repository") files.set(name, { ...entry, name });
      else if (directories.has(name) && depth < MAX_DEPTH) await visit(name, depth + 1);
      else repositories.push(name);
    }
  };
  await visit("", 0);
  return { files, repositories };
}

/** Work that was moved away is no work that was deleted. */
async function tellRoot(teller: TreeTeller, path: string): Promise<Readable> {
  try {
    return await teller.tree(path);
  } catch (cause) {
    if (!(cause instanceof BangerError) || cause.code !== "guest.path_not_found") throw cause;
    throw new BangerError("guest.path_not_found", `the workspace ${path} is not there any more: no such directory in the guest`, {
      hint: `move it back in the guest, or leave a symlink to it at ${path}`,
      cause,
    });
  }
}

/** Some names with the ids of their contents. Those that are gone are missing. */
export async function identifyNames(
  { teller, path, limits }: GuestDirectory,
  names: readonly FileName[],
): Promise<ReadonlyMap<FileName, GuestEntry>> {
  const found = new Map<FileName, GuestEntry>();
  for (const some of selections(names)) {
    const entries = await readEntries(await teller.treeIds(selectionOf(path, some)), { ...limits, entries: some.length });
    const wanted = new Set(some);
    for (const [name, entry] of entries) {
      if (!wanted.has(name) || entry.id === "" || entry.type === "repository")
        throw senseless(`it tells of ${shownName(name)}, which nobody asked for`);
      found.set(name, entry);
    }
  }
  return found;
}

export function selectionOf(path: string, names: readonly FileName[]): { readonly path: string; readonly paths64: string[] } {
  return { path, paths64: names.map((name) => bytesOf(name).toString("base64")) };
}

/** What the agent is told of a name that it is to replace or remove: only what is that still goes. */
export function wasOf(state: { readonly mode: string; readonly id: string } | undefined): string {
  return state === undefined ? "nothing" : `${state.mode} ${state.id}`;
}

/** Names cut into requests that the daemon and the agent take; each has `more` characters beside it. */
export function* selections(names: readonly FileName[], more = 0): Generator<readonly FileName[]> {
  let some: FileName[] = [];
  let length = 0;
  for (const name of names) {
    const cost = Math.ceil(name.length / 3) * 4 + 3 + more;
    if (some.length > 0 && length + cost > MAX_SELECTION) {
      yield some;
      some = [];
      length = 0;
    }
    some.push(name);
    length += cost;
  }
  if (some.length > 0) yield some;
}

const size = z.int().check(z.minimum(0));
const entryLine = z.object({
  path: z.optional(z.string()),
  path64: z.optional(z.string()),
  type: z.enum(["file", "symlink", "repository"]),
  mode: z.optional(z.enum(["100644", "100755", "120000"])),
  size,
  id: z.optional(z.string().check(z.regex(/^[0-9a-f]{40}$/))),
  stamp: z.optional(z.string().check(z.regex(/^[0-9a-f]{16}$/))),
});
const lastLine = z.strictObject({ entries: size });

/** Exported for tests: the entries of an answer, checked. */
export async function readEntries(stream: Readable, limits: GuestLimits): Promise<ReadonlyMap<FileName, GuestEntry>> {
  const entries = new Map<FileName, GuestEntry>();
  const counted = { entries: 0, nameBytes: 0 };
  let told: number | undefined;
  for await (const line of boundedLines(stream)) {
    if (told !== undefined) throw senseless("there is more after its end");
    const value = parseJson(line);
    const end = typeof value === "object" && value !== null && "entries" in value ? lastLine.safeParse(value) : undefined;
    if (end?.success === true) {
      told = end.data.entries;
      continue;
    }
    const entry = checkedEntry(value);
    if (entries.has(entry.name)) throw senseless(`it names ${shownName(entry.name)} twice`);
    entries.set(entry.name, entry);
    count(counted, entry.name, limits);
  }
  if (told !== entries.size) throw senseless("it breaks off");
  refuseInside(entries);
  return entries;
}

/**
 * Nothing can be below a file, a link or another repository. Throws `workspace.unsafe`. Looking each directory of each name up
 * would take minutes where a guest makes them deep: in order, what a name begins with came before it and all between begins so.
 */
export function refuseInside(entries: { keys(): Iterable<FileName> }): void {
  const begun: FileName[] = [];
  for (const name of Array.from(entries.keys()).toSorted()) {
    for (let last = begun.at(-1); last !== undefined && !name.startsWith(last); last = begun.at(-1)) begun.pop();
    const above = begun.find((start) => name[start.length] === "/");
    if (above !== undefined)
      throw new BangerError("workspace.unsafe", `the guest names ${shownName(name)}, which is reached through ${shownName(above)}`);
    begun.push(name);
  }
}

/** The name a line gives. Throws `workspace.unsafe` for one that must not be used. */
export function checkedName({ path, path64 }: { readonly path?: string | undefined; readonly path64?: string | undefined }): FileName {
  if ((path === undefined) === (path64 === undefined)) throw senseless("an entry has no name, or two");
  const name = path === undefined ? nameOfBytes(Buffer.from(path64 ?? "", "base64")) : nameOfText(path);
  const reason = unsafeReason(name) ?? (isTooDeep(name) ? `it is more than ${MAX_ABOVE} directories deep` : undefined);
  if (reason !== undefined) throw new BangerError("workspace.unsafe", `the guest names ${shownName(name)}: ${reason}`);
  return name;
}

function isTooDeep(name: FileName): boolean {
  let above = 0;
  for (let at = name.indexOf("/"); at !== -1 && above <= MAX_ABOVE; at = name.indexOf("/", at + 1)) above += 1;
  return above > MAX_ABOVE;
}

function checkedEntry(value: unknown): GuestEntry {
  const parsed = entryLine.safeParse(value);
  if (!parsed.success) throw senseless("a line of it is no entry");
  const { type, mode = "", size: bytes, id = "", stamp = "" } = parsed.data;
  const name = checkedName(parsed.data);
  const fits = type === "repository" ? mode === "" : (mode === "120000") === (type === "symlink") && mode !== "";
  if (!fits) throw senseless(`${shownName(name)} is a ${type} of mode ${JSON.stringify(mode)}`);
  return { name, type, mode, size: bytes, id, stamp };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw senseless("a line of it is no JSON");
  }
}

/** Lines no longer than a name can make them. */
export async function* boundedLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let at = rest.indexOf(10); at !== -1; at = rest.indexOf(10, from)) {
      yield rest.toString("utf8", from, at);
      from = at + 1;
    }
    rest = rest.subarray(from);
    if (rest.length > MAX_LINE) throw senseless(`a line of it is longer than ${MAX_LINE} bytes`);
  }
  if (rest.length > 0) throw senseless("it breaks off");
}

function directoriesOf(names: Iterable<FileName>): ReadonlySet<string> {
  const directories = new Set<string>();
  for (const name of names) {
    for (let at = name.lastIndexOf("/"); at !== -1; at = name.lastIndexOf("/", at - 1)) directories.add(name.slice(0, at));
  }
  return directories;
}

/** A path in a request is text. */
function textOf(name: string): string {
  const bytes = bytesOf(name);
  const text = bytes.toString("utf8");
  if (Buffer.from(text, "utf8").equals(bytes)) return text;
  throw new BangerError("workspace.unsupported", "a directory whose name is not UTF-8 became a repository in the guest");
}

/** One name more. Throws `workspace.unsafe` past a limit. */
function count(counted: { entries: number; nameBytes: number }, name: FileName, limits: GuestLimits): void {
  counted.entries += 1;
  counted.nameBytes += name.length;
  if (counted.entries > limits.entries) throw tooMuch(`more than ${limits.entries} files`);
  if (counted.nameBytes > limits.nameBytes) throw tooMuch(`files whose names are longer together than ${limits.nameBytes} bytes`);
}

function tooMuch(what: string): BangerError {
  return new BangerError("workspace.unsafe", `the guest tells of ${what}`, {
    hint: "remove what is not part of the work, or copy single files out",
  });
}

function senseless(why: string): BangerError {
  return new BangerError("guest.failed", `the guest's list of files makes no sense: ${why}`);
}
