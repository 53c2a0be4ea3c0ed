// What the fake agent tells of directories below its root, in the terms of git (docs/guest-protocol.md).
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmdirSync, statSync, unlinkSync, type Stats } from "node:fs";
import type { ServerHttp2Stream } from "node:http2";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pack, type Pack } from "tar-stream";

export interface TreeRoot {
  readonly rootDir: string;
  /** Directory in the guest. */
  readonly path: string;
}

export interface TreeQuestion {
  readonly paths64?: readonly string[];
  /** `true`, or `unwritten`. */
  readonly stamps?: string | undefined;
}

/** Answers with lines of what is below `directory`, or of the names asked for with their ids. */
export function answerTree(stream: ServerHttp2Stream, root: TreeRoot, { paths64, stamps }: TreeQuestion = {}): void {
  const directory = directoryAt(stream, root);
  if (directory === undefined) return;
  const names = paths64?.map((name) => Buffer.from(name, "base64").toString("latin1"));
  if (names?.some(leaves) === true) return refuse(stream, 400, { code: "bad_request", message: "it leaves the directory" });
  stream.respond({ ":status": 200, "content-type": "application/x-ndjson" });
  stream.end(treeLines(directory, paths64, stamps));
}

/** Answers with a tar of the names in the request, each named by its position. */
export async function answerSelection(stream: ServerHttp2Stream, rootDir: string): Promise<void> {
  const { path, paths64 } = JSON.parse(await text(stream)) as { readonly path: string; readonly paths64: readonly string[] };
  const directory = directoryAt(stream, { rootDir, path });
  if (directory === undefined) return;
  stream.respond({ ":status": 200, "content-type": "application/x-tar" });
  selectionTar(directory, paths64).pipe(stream);
}

/** Removes the names in the request, and directories left empty. */
export async function answerRemoval(stream: ServerHttp2Stream, rootDir: string): Promise<void> {
  const { path, paths64, was } = JSON.parse(await text(stream)) as NamesToRemove;
  const directory = directoryAt(stream, { rootDir, path });
  if (directory === undefined) return;
  if (paths64.some((name) => leaves(Buffer.from(name, "base64").toString("latin1"))))
    return refuse(stream, 400, { code: "bad_request", message: "it leaves the directory" });
  const changed = changedOf(directory, paths64, was);
  if (changed !== undefined) return refuse(stream, 409, { code: "changed", message: `${changed}: changed meanwhile` });
  stream.respond({ ":status": 200, "content-type": "application/json" });
  stream.end(JSON.stringify({ files: removeNames(directory, paths64) }));
}

/** Undefined, and refused, when no directory is there, nor a symlink to one. */
function directoryAt(stream: ServerHttp2Stream, { rootDir, path }: TreeRoot): string | undefined {
  const directory = join(rootDir, path);
  if (leadsToDirectory(directory)) return directory;
  refuse(stream, 404, { code: "not_found", message: `no directory at ${path}` });
  return undefined;
}

/** Whether it is a directory or a symlink to one. */
export function leadsToDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

export interface NamesToRemove {
  readonly path: string;
  readonly paths64: readonly string[];
  readonly was?: readonly string[] | undefined;
}

/** The first of the names that is to go and is neither gone nor what it was. */
export function changedOf(directory: string, paths64: readonly string[], was: readonly string[] = []): string | undefined {
  const names = paths64.map((name) => Buffer.from(name, "base64").toString("latin1"));
  return names.find((name, index) => {
    const expected = was[index] ?? "";
    const stats = statsAt(pathOf(directory, name));
    return expected !== "" && stats !== undefined && !stats.isDirectory() && !isAsItWas(directory, name, expected);
  });
}

/** Whether `nothing`, or a file or symlink `ID` or `MODE ID`, is at a name. */
export function isAsItWas(directory: string, name: string, was: string): boolean {
  if (was === "nothing") return statsAt(pathOf(directory, name)) === undefined;
  const [found] = describe(directory, name, { hasId: true, stamps: undefined }) as readonly {
    readonly mode: string;
    readonly id: string;
  }[];
  return found !== undefined && (was === found.id || was === `${found.mode} ${found.id}`);
}

/** Answers how many were there. */
export function removeNames(directory: string, paths64: readonly string[]): number {
  const names = paths64.map((name) => Buffer.from(name, "base64").toString("latin1"));
  const there = names.filter(
    (name) => attempt(() => unlinkSync(pathOf(directory, name))) || attempt(() => rmdirSync(pathOf(directory, name))),
  );
  for (const name of there) {
    const parts = name.split("/");
    while (parts.pop() !== undefined && parts.length > 0 && attempt(() => rmdirSync(pathOf(directory, parts.join("/")))));
  }
  return there.length;
}

function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

export function treeLines(directory: string, paths64?: readonly string[], stamps?: string): string {
  const names = paths64?.map((name) => Buffer.from(name, "base64").toString("latin1"));
  const entries = (names ?? namesBelow(directory)).flatMap((name) => describe(directory, name, { hasId: names !== undefined, stamps }));
  return [...entries, { entries: entries.length }].map((line) => `${JSON.stringify(line)}\n`).join("");
}

export function selectionTar(directory: string, paths64: readonly string[]): Pack {
  const archive = pack();
  for (const [index, name] of paths64.entries()) {
    const at = pathOf(directory, Buffer.from(name, "base64").toString("latin1"));
    const stats = statsAt(at);
    if (stats?.isSymbolicLink() === true) archive.entry({ name: `${index}@` }, readlinkSync(at, { encoding: "buffer" }));
    else if (stats?.isFile() === true) archive.entry({ name: `${index}`, mode: stats.mode & 0o777 }, readFileSync(at));
  }
  archive.finalize();
  return archive;
}

interface Shape {
  readonly hasId: boolean;
  readonly stamps: string | undefined;
}

function describe(directory: string, name: string, { hasId, stamps }: Shape): readonly object[] {
  const path = pathOf(directory, name);
  const stats = statsAt(path);
  const named = nameOf(name);
  if (stats?.isDirectory() === true) return hasId ? [] : [{ ...named, type: "repository", size: 0 }];
  if (stats === undefined || (!stats.isFile() && !stats.isSymbolicLink())) return [];
  const content = stats.isSymbolicLink() ? readlinkSync(path, { encoding: "buffer" }) : readFileSync(path);
  const mode = stats.isSymbolicLink() ? "120000" : (stats.mode & 0o100) === 0 ? "100644" : "100755";
  const id = createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
  return [
    {
      ...named,
      type: stats.isSymbolicLink() ? "symlink" : "file",
      mode,
      size: content.length,
      ...(hasId ? { id } : {}),
      ...(stamps === undefined ? {} : stampOf(path, stamps === "unwritten")),
    },
  ];
}

/** As the agent's; a file that has just changed has none. */
function stampOf(path: Buffer, onlyUnwritten: boolean): object {
  const { size, ino, mtimeNs, ctimeNs, ctimeMs } = lstatSync(path, { bigint: true });
  if (Date.now() - Number(ctimeMs) < 100 || (onlyUnwritten && mtimeNs % 1_000_000_000n !== 0n)) return {};
  return { stamp: createHash("sha1").update(`${size} ${ino} ${mtimeNs} ${ctimeNs}`).digest("hex").slice(0, 16) };
}

/** Undefined also below what is no directory. */
function statsAt(path: Buffer): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw error;
  }
}

function nameOf(name: string): object {
  const bytes = Buffer.from(name, "latin1");
  const decoded = bytes.toString("utf8");
  return Buffer.from(decoded).equals(bytes) ? { path: decoded } : { path64: bytes.toString("base64") };
}

/** Files, links and repositories, in order. */
function namesBelow(directory: string, below = ""): readonly string[] {
  return readdirSync(pathOf(directory, below), { encoding: "buffer" })
    .map((bytes) => bytes.toString("latin1"))
    .toSorted()
    .flatMap((base) => {
      const name = below === "" ? base : `${below}/${base}`;
      const isDirectory = lstatSync(pathOf(directory, name)).isDirectory();
      if (!isDirectory) return [name];
      if (base === ".git") return [];
      return existsSync(pathOf(directory, `${name}/.git`)) ? [name] : namesBelow(directory, name);
    });
}

function pathOf(directory: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name, "latin1")]);
}

function leaves(name: string): boolean {
  return name === "" || name.startsWith("/") || name.split("/").includes("..");
}

function refuse(stream: ServerHttp2Stream, status: number, body: { readonly code: string; readonly message: string }): void {
  stream.respond({ ":status": status, "content-type": "application/json" });
  stream.end(JSON.stringify(body));
}
