// Files and trees of guests to this machine, with the rules of `cp -r`.
import { mkdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { BangerError, GIB, routes, type Client, type FileStat } from "@banger/api";
import { nameOfText, receiveTree, type FileName, type ReceiveLimits } from "@banger/workspace";
import type { CliContext } from "../context.ts";
import { shellLine } from "../ssh/argv.ts";
import { writeAll } from "../output/output.ts";
import { lookInGuest, withNextStep } from "./next-step.ts";
import { lastName, saysDirectory, withoutEnd, type GuestPlace } from "./places.ts";
import { withCopyProgress, type Copied } from "./progress.ts";

export interface CopyOut {
  readonly sources: readonly GuestPlace[];
  /** Path of this machine. */
  readonly to: string;
  readonly followsLinks: boolean;
  /** Bytes; what the VM can hold without it. */
  readonly maxSize: number | undefined;
}

/** What the files of the image may add to those of the VM's own disk. */
const IMAGE_BYTES = 4 * GIB;
const MAX_ENTRIES = 1_000_000;

export async function copyOut(context: CliContext, copy: CopyOut): Promise<void> {
  const client = await context.connect();
  const sources = [];
  for (const place of copy.sources) sources.push(await lookAt(client, place, copy.followsLinks));
  const places = sources.map((source) => ({ source, ...hostPlace(copy, source) }));
  const totalBytes = sources.every(({ stat }) => stat.type === "file") ? sources.reduce((sum, { stat }) => sum + stat.size, 0) : null;
  await withCopyProgress(context, totalBytes, async ({ signal, onProgress }) => {
    const done = { files: 0, bytes: 0 };
    for (const { source, directory, name } of places) {
      const received = await receive(
        { client, source, directory, name, limits: await limitsOf(client, source.vm, copy), signal },
        (files, bytes) => onProgress(done.files + files, done.bytes + bytes),
      );
      done.files += received.files;
      done.bytes += received.bytes;
    }
    return done;
  });
}

/** The tar as it comes. */
export async function copyOutAsTar(context: CliContext, from: GuestPlace, followsLinks: boolean): Promise<void> {
  const client = await context.connect();
  const { path } = await lookAt(client, from, followsLinks);
  const source = await client.bytes(routes.vmFilesGet, { params: { name: from.vm }, query: { path } });
  try {
    for await (const chunk of source) await writeAll(context.deps.stdout, chunk as Buffer);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ECONNRESET" ? brokenOff(from.vm, error) : error;
  } finally {
    source.destroy();
  }
}

interface GuestSource {
  readonly vm: string;
  /** Without a last slash. */
  readonly path: string;
  readonly stat: FileStat;
  /** What it is called here; undefined for the contents of a directory. */
  readonly name: string | undefined;
}

async function lookAt(client: Client, { vm, path }: GuestPlace, followsLinks: boolean): Promise<GuestSource> {
  const { name, isContents } = lastName(path);
  if (/^\/+\.?$/.test(path))
    throw notThat("/ has what the kernel makes up, as /proc: it is not copied whole", `banger vm cp ${vm}:/root .`);
  const plain = withoutEnd(path);
  const stat = await client.call(routes.vmFilesStat, { params: { name: vm }, query: { path: plain } }).catch((error: unknown) => {
    throw withNextStep(error, { vm, path: plain });
  });
  const isLinkMeant = stat.type === "symlink" && (followsLinks || saysDirectory(path));
  const isDirectory = stat.type === "directory" || (isLinkMeant && stat.leadsTo === "directory");
  if (saysDirectory(path) && !isDirectory) throw notThat(`${path} in the guest is no directory`, lookInGuest({ vm, path: plain }));
  const calledHere = isContents ? undefined : name;
  if (!isLinkMeant) return { vm, path: plain, stat, name: calledHere };
  if (stat.leadsTo === "nothing" || stat.leadsTo === undefined)
    throw notThat(`${plain} in the guest is a symlink that leads nowhere`, AS_SYMLINK);
  const real = textOf(stat.realPath64 ?? "", plain);
  return { vm, path: real, stat: { type: stat.leadsTo, mode: 0, size: 0 }, name: calledHere };
}

const AS_SYMLINK = "without --follow-link it is copied as a symlink";

function notThat(message: string, hint: string): BangerError {
  return new BangerError("copy.bad_request", message, { hint });
}

function textOf(path64: string, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(path64, "base64"));
  } catch (cause) {
    throw new BangerError("copy.unsafe", `${path} in the guest leads to a name that is no text`, { hint: AS_SYMLINK, cause });
  }
}

/** Where on this machine a source goes: an existing directory, and the name in it. */
function hostPlace({ sources, to }: CopyOut, source: GuestSource): { readonly directory: string; readonly name: FileName | undefined } {
  const found = statSync(to, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return { directory: to, name: source.name === undefined ? undefined : nameOfText(source.name) };
  if (sources.length > 1)
    throw notThat(
      `${to} is no directory, and there are ${sources.length} to copy`,
      found === undefined ? shellLine(["mkdir", to]) : copyBeside(to, sources),
    );
  if (found !== undefined && source.stat.type === "directory")
    throw notThat(`${to} is no directory, ${source.vm}:${source.path} is one`, copyBeside(to, sources));
  if (found !== undefined && saysDirectory(to)) throw notThat(`${to} is no directory`, copyBeside(to, sources));
  // A symlink that the user names is meant for what it leads to.
  if (found !== undefined) return splitPath(realpathSync(to));
  if (saysDirectory(to) && source.stat.type !== "directory") throw notThat(`there is no directory ${to}`, shellLine(["mkdir", to]));
  const place = splitPath(withoutEnd(to));
  if (statSync(place.directory, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw notThat(`there is no directory ${place.directory}`, shellLine(["mkdir", "-p", place.directory]));
  if (source.name !== undefined) return place;
  mkdirSync(to);
  return { directory: to, name: undefined };
}

/** The copy into the directory that the file `to` is in. */
function copyBeside(to: string, sources: CopyOut["sources"]): string {
  return shellLine(["banger", "vm", "cp", ...sources.map(({ vm, path }) => `${vm}:${path}`), dirname(withoutEnd(to))]);
}

function splitPath(path: string): { readonly directory: string; readonly name: FileName } {
  return { directory: dirname(path), name: nameOfText(basename(path)) };
}

async function limitsOf(client: Client, name: string, { maxSize }: CopyOut): Promise<ReceiveLimits> {
  if (maxSize !== undefined) return { entries: MAX_ENTRIES, bytes: maxSize };
  const vm = await client.call(routes.vmShow, { params: { name } });
  return { entries: MAX_ENTRIES, bytes: vm.diskBytes + IMAGE_BYTES };
}

interface Receive {
  readonly client: Client;
  readonly source: GuestSource;
  readonly directory: string;
  readonly name: FileName | undefined;
  readonly limits: ReceiveLimits;
  readonly signal: AbortSignal;
}

async function receive(
  { client, source, directory, name, limits, signal }: Receive,
  onProgress: (files: number, bytes: number) => void,
): Promise<Copied> {
  const tar = await client.bytes(routes.vmFilesGet, { params: { name: source.vm }, query: { path: source.path } }, { signal });
  try {
    return await receiveTree({ source: tar, root: nameOfText(basename(source.path)), directory, name, limits, onProgress, signal });
  } catch (error) {
    if (error instanceof BangerError && error.code === "guest.failed" && !signal.aborted) throw brokenOff(source.vm, error);
    throw withNextStep(error, source);
  }
}

function brokenOff(vm: string, cause: unknown): BangerError {
  return new BangerError("guest.failed", `the files from ${vm} break off`, { hint: `banger vm logs ${vm} --source agent`, cause });
}
