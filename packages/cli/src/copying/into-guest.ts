// Files and trees of this machine into a guest, with the rules of `cp -r`.
import { lstatSync, realpathSync, statSync } from "node:fs";
import { dirname, posix, resolve } from "node:path";
import { Readable } from "node:stream";
import { BangerError, routes, type Client, type FileStat } from "@banger/api";
import { nameOfText, sendTrees, shownName, type LeftOut, type SendSource, type SendTreeReport } from "@banger/workspace";
import { shellLine } from "../ssh/argv.ts";
import type { CliContext } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { lookInGuest, withNextStep, type GuestPath } from "./next-step.ts";
import { lastName, saysDirectory, withoutEnd, type GuestPlace } from "./places.ts";
import { withCopyProgress } from "./progress.ts";

export interface CopyIn {
  /** Paths of this machine. */
  readonly sources: readonly string[];
  readonly to: GuestPlace;
  readonly followsLinks: boolean;
}

/** Everything arrives as root's. */
const OWNER = "0:0";

/** Answers the exit status: 1 when something was left out. */
export async function copyIntoGuest(context: CliContext, { sources, to, followsLinks }: CopyIn): Promise<number> {
  const found = sources.map((path) => lookAt(path, followsLinks, to));
  const client = await context.connect();
  const place = await guestPlace(client, to, found);
  const sent = found.map(({ path, name }): SendSource => ({ path, name: name === undefined ? undefined : nameOfText(place.name ?? name) }));
  refuseTwins(sent, { vm: to.vm, path: place.directory });
  const [only] = found;
  const report: SendTreeReport = { files: 0, bytes: 0, left: [], torn: [] };
  await withCopyProgress(context, found.length === 1 && only?.isDirectory === false ? only.size : null, async ({ signal, onProgress }) => {
    const source = Readable.from(sendTrees(sent, report, onProgress), { objectMode: true, highWaterMark: 1 });
    await upload(client, { vm: to.vm, path: place.directory, owner: OWNER, source, signal });
    return report;
  });
  for (const line of leftLines(report)) context.output.note(line);
  return report.left.length === 0 ? EXIT.ok : EXIT.failure;
}

/** A tar from stdin, extracted below a directory that is there; owners and modes are those of the tar. */
export async function copyTarIntoGuest(context: CliContext, to: GuestPlace): Promise<void> {
  const client = await context.connect();
  const directory = withoutEnd(to.path);
  const stat = await statIn(client, to.vm, directory);
  if (!isDirectory(stat)) throw notThere(to.vm, directory, stat);
  await withCopyProgress(context, null, async ({ signal, onProgress }) => {
    let bytes = 0;
    const counted = async function* (): AsyncGenerator<Buffer> {
      for await (const chunk of context.deps.stdin) {
        bytes += (chunk as Buffer).length;
        yield chunk as Buffer;
        onProgress(0, bytes);
      }
    };
    return await upload(client, { vm: to.vm, path: directory, source: Readable.from(counted()), signal });
  });
}

interface Upload {
  readonly vm: string;
  readonly path: string;
  readonly owner?: string;
  readonly source: Readable;
  readonly signal: AbortSignal;
}

async function upload(client: Client, { vm, path, owner, source, signal }: Upload) {
  const query = owner === undefined ? { path } : { path, owner };
  try {
    return await client.upload(routes.vmFilesPut, { params: { name: vm }, query }, { source, signal });
  } catch (error) {
    throw withNextStep(error, { vm, path });
  } finally {
    source.destroy();
  }
}

interface HostSource {
  readonly path: string;
  /** What it is called in the guest; undefined for the contents of a directory. */
  readonly name: string | undefined;
  readonly isDirectory: boolean;
  readonly size: number;
}

function lookAt(path: string, followsLinks: boolean, to: GuestPlace): HostSource {
  const plain = withoutEnd(path);
  const isLinkMeant = followsLinks || saysDirectory(path);
  const stats = (isLinkMeant ? statSync : lstatSync)(plain, { throwIfNoEntry: false });
  if (stats === undefined) throw refused(`there is no ${path}`, shellLine(["ls", "-a", nearestDirectory(plain)]));
  if (saysDirectory(path) && !stats.isDirectory())
    throw refused(`${path} is no directory`, shellLine(["banger", "vm", "cp", plain, `${to.vm}:${to.path}`]));
  if (!stats.isDirectory() && !stats.isFile() && !stats.isSymbolicLink())
    throw refused(`${path} is no file, directory or symlink`, shellLine(["ls", "-ld", plain]));
  const { isContents } = lastName(path);
  return {
    // A link that is meant for what it leads to is gone through here, as nothing below is.
    path: isLinkMeant ? realpathSync(plain) : plain,
    name: isContents ? undefined : posix.basename(resolve(path)),
    isDirectory: stats.isDirectory(),
    size: stats.size,
  };
}

function refused(message: string, hint: string): BangerError {
  return new BangerError("copy.bad_request", message, { hint });
}

/** The last directory on the way to `path` that there is. */
function nearestDirectory(path: string): string {
  const above = dirname(path);
  return above === path || statSync(above, { throwIfNoEntry: false })?.isDirectory() === true ? above : nearestDirectory(above);
}

interface GuestTarget {
  readonly directory: string;
  /** What the one source is called there; undefined keeps the names. */
  readonly name: string | undefined;
}

async function guestPlace(client: Client, { vm, path }: GuestPlace, sources: readonly HostSource[]): Promise<GuestTarget> {
  const plain = withoutEnd(path);
  const stat = await statIn(client, vm, plain);
  if (isDirectory(stat)) return { directory: plain, name: undefined };
  const [only] = sources;
  if (only === undefined || sources.length > 1 || (saysDirectory(path) && !only.isDirectory)) throw notThere(vm, plain, stat);
  if (stat !== undefined && only.isDirectory) throw notThere(vm, plain, stat);
  if (stat?.type === "other" || stat?.leadsTo === "other")
    throw refused(`${plain} in the guest is a device, a socket or a fifo`, lookInGuest({ vm, path: plain }));
  const parent = posix.dirname(plain);
  const above = await statIn(client, vm, parent);
  if (!isDirectory(above)) throw notThere(vm, parent, above);
  if (only.name === undefined) return { directory: plain, name: undefined };
  return { directory: parent, name: posix.basename(plain) };
}

async function statIn(client: Client, name: string, path: string): Promise<FileStat | undefined> {
  try {
    return await client.call(routes.vmFilesStat, { params: { name }, query: { path } });
  } catch (error) {
    if (error instanceof BangerError && error.code === "guest.path_not_found") return undefined;
    throw error;
  }
}

function isDirectory(stat: FileStat | undefined): boolean {
  return stat?.type === "directory" || stat?.leadsTo === "directory";
}

function notThere(vm: string, path: string, stat: FileStat | undefined): BangerError {
  if (stat !== undefined) return refused(`${path} in ${vm} is no directory`, lookInGuest({ vm, path }));
  return new BangerError("guest.path_not_found", `there is no directory ${path} in ${vm}`, {
    hint: `banger vm exec ${vm} -- ${shellLine(["mkdir", "-p", path])}`,
  });
}

function refuseTwins(sources: readonly SendSource[], { vm, path: directory }: GuestPath): void {
  const seen = new Set<string>();
  for (const { name, path } of sources) {
    if (name === undefined) continue;
    if (seen.has(name)) {
      const elsewhere = shellLine(["banger", "vm", "cp", path, `${vm}:${posix.join(directory, `${posix.basename(path)}-2`)}`]);
      throw refused(`two of them are called ${shownName(name)}: the second would replace the first`, elsewhere);
    }
    seen.add(name);
  }
}

const REASONS: Readonly<Record<LeftOut["reason"], string>> = {
  special: "neither file, directory nor symlink",
  unreadable: "not readable",
  vanished: "gone meanwhile",
};

function leftLines({ left, torn }: SendTreeReport): readonly string[] {
  const lines = (["special", "unreadable", "vanished"] as const).flatMap((reason) => {
    const names = left.filter((entry) => entry.reason === reason).map(({ name }) => shownName(name));
    return names.length === 0 ? [] : [`! not copied, ${REASONS[reason]}: ${some(names)}`];
  });
  return torn.length === 0 ? lines : [...lines, `! changed while they were copied: ${some(torn.map(shownName))}`];
}

function some(names: readonly string[]): string {
  return names.length <= 5 ? names.join(", ") : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;
}
