// Reads what a guest says is in its workspace. Nothing of it is trusted: lines, names and numbers are bounded and checked, and a
// name that could lead out of a repository is refused by name.
import type { Readable } from "node:stream";
import { BangerError, routes, type Client } from "@banger/api";
import * as z from "zod/mini";
import { bytesOf, nameOfBytes, nameOfText, shownName, unsafeReason, type FileName } from "./names.ts";

export interface GuestLimits {
  /** Entries of a listing. */
  readonly entries: number;
  /** Bytes of one file, and of all that are fetched. */
  readonly fileBytes: number;
  readonly totalBytes: number;
}

export const GUEST_LIMITS: GuestLimits = { entries: 1_000_000, fileBytes: 2 * 1024 ** 3, totalBytes: 8 * 1024 ** 3 };

/** A line holds one name of at most 4096 bytes, escaped. */
const MAX_LINE = 64 * 1024;
/** Names of one request together, in characters: well below what the daemon takes as a body. */
const MAX_SELECTION = 512 * 1024;

export interface GuestEntry {
  readonly name: FileName;
  readonly type: "file" | "symlink" | "repository";
  /** `100644`, `100755`, `120000`; empty for a repository. */
  readonly mode: string;
  readonly size: number;
  /** Empty unless it was asked for. */
  readonly id: string;
}

export interface GuestWorkspace {
  readonly client: Client;
  readonly vmName: string;
  /** Directory in the guest. */
  readonly path: string;
  readonly limits: GuestLimits;
  readonly signal?: AbortSignal | undefined;
}

const size = z.int().check(z.minimum(0));
const entryLine = z.object({
  path: z.optional(z.string()),
  path64: z.optional(z.string()),
  type: z.enum(["file", "symlink", "repository"]),
  mode: z.optional(z.enum(["100644", "100755", "120000"])),
  size,
  id: z.optional(z.string().check(z.regex(/^[0-9a-f]{40}$/))),
});
const lastLine = z.strictObject({ entries: size });

/** Everything below the directory. Throws `workspace.unsafe` for names, `guest.failed` for what is no listing. */
export async function listGuest(guest: GuestWorkspace): Promise<ReadonlyMap<FileName, GuestEntry>> {
  const options = guest.signal === undefined ? {} : { signal: guest.signal };
  const answer = await guest.client.bytes(routes.vmTree, { params: { name: guest.vmName }, query: { path: guest.path } }, options);
  return await readEntries(answer, guest.limits);
}

/** The same of some names, with the ids of their contents. Those that are gone are missing. */
export async function identifyInGuest(guest: GuestWorkspace, names: readonly FileName[]): Promise<ReadonlyMap<FileName, GuestEntry>> {
  const found = new Map<FileName, GuestEntry>();
  for (const some of selections(names)) {
    const entries = await readEntries(await select(guest, routes.vmTreeIds, some), { ...guest.limits, entries: some.length });
    const wanted = new Set(some);
    for (const [name, entry] of entries) {
      if (!wanted.has(name) || entry.id === "" || entry.type === "repository")
        throw senseless(`it tells of ${shownName(name)}, which nobody asked for`);
      found.set(name, entry);
    }
  }
  return found;
}

/** A tar of some names, each named by its position. */
export async function select(
  guest: GuestWorkspace,
  route: typeof routes.vmTreeIds | typeof routes.vmFilesSelect,
  names: readonly FileName[],
): Promise<Readable> {
  const options = guest.signal === undefined ? {} : { signal: guest.signal };
  const body = { path: guest.path, paths64: names.map((name) => bytesOf(name).toString("base64")) };
  return await guest.client.bytes(route, { params: { name: guest.vmName }, body }, options);
}

/** Names cut into requests that the daemon takes. */
export function* selections(names: readonly FileName[]): Generator<readonly FileName[]> {
  let some: FileName[] = [];
  let length = 0;
  for (const name of names) {
    const cost = Math.ceil(name.length / 3) * 4 + 3;
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

/** Exported for tests: the entries of an answer, checked. */
export async function readEntries(stream: Readable, limits: GuestLimits): Promise<ReadonlyMap<FileName, GuestEntry>> {
  const entries = new Map<FileName, GuestEntry>();
  let told: number | undefined;
  for await (const line of boundedLines(stream)) {
    if (told !== undefined) throw senseless("there is more after its end");
    const value = parseJson(line);
    const last = lastLine.safeParse(value);
    if (last.success) {
      told = last.data.entries;
      continue;
    }
    const entry = checkedEntry(value);
    if (entries.has(entry.name)) throw senseless(`it names ${shownName(entry.name)} twice`);
    entries.set(entry.name, entry);
    if (entries.size > limits.entries)
      throw new BangerError("workspace.unsafe", `the guest tells of more than ${limits.entries} files`, {
        hint: "remove what is not part of the work, or copy single files out",
      });
  }
  if (told !== entries.size) throw senseless("it breaks off");
  refuseInside(entries);
  return entries;
}

/** Nothing can be below a file, a link or another repository. */
function refuseInside(entries: ReadonlyMap<FileName, GuestEntry>): void {
  for (const name of entries.keys()) {
    for (let at = name.indexOf("/"); at !== -1; at = name.indexOf("/", at + 1)) {
      const above = name.slice(0, at) as FileName;
      if (entries.has(above))
        throw new BangerError("workspace.unsafe", `the guest names ${shownName(name)}, which is reached through ${shownName(above)}`);
    }
  }
}

function checkedEntry(value: unknown): GuestEntry {
  const parsed = entryLine.safeParse(value);
  if (!parsed.success) throw senseless("a line of it is no entry");
  const { path, path64, type, mode = "", size: bytes, id = "" } = parsed.data;
  if ((path === undefined) === (path64 === undefined)) throw senseless("an entry has no name, or two");
  const name = path === undefined ? nameOfBytes(Buffer.from(path64 ?? "", "base64")) : nameOfText(path);
  const reason = unsafeReason(name);
  if (reason !== undefined) throw new BangerError("workspace.unsafe", `the guest names ${shownName(name)}: ${reason}`);
  const fits = type === "repository" ? mode === "" : (mode === "120000") === (type === "symlink") && mode !== "";
  if (!fits) throw senseless(`${shownName(name)} is a ${type} of mode ${JSON.stringify(mode)}`);
  return { name, type, mode, size: bytes, id };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw senseless("a line of it is no JSON");
  }
}

async function* boundedLines(stream: Readable): AsyncGenerator<string> {
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

function senseless(why: string): BangerError {
  return new BangerError("guest.failed", `the guest's list of files makes no sense: ${why}`);
}
