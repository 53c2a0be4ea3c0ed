// What the arguments of `vm cp` mean: paths of this machine, `NAME:PATH` in a guest, `-` for a tar on a standard stream.
import { posix } from "node:path";
import { parseVmName } from "@banger/api";
import { usageError } from "../context.ts";

export type Place =
  | { readonly kind: "stdio" }
  | { readonly kind: "host"; readonly path: string }
  | { readonly kind: "guest"; readonly vm: string; readonly path: string };
export type HostPlace = Extract<Place, { readonly kind: "host" }>;
export type GuestPlace = Extract<Place, { readonly kind: "guest" }>;

const GUEST_HOME = "/root";

/** As scp has it: a colon before the first slash ends a name. Throws `cli.usage`. */
export function parsePlace(text: string): Place {
  if (text === "") throw usageError("an empty path", "write . for this directory");
  if (text === "-") return { kind: "stdio" };
  const colon = text.indexOf(":");
  const slash = text.indexOf("/");
  if (colon === -1 || (slash !== -1 && slash < colon)) return { kind: "host", path: text };
  const name = text.slice(0, colon);
  try {
    return { kind: "guest", vm: parseVmName(name), path: guestPath(text.slice(colon + 1)) };
  } catch {
    throw usageError(`${JSON.stringify(name)} is no name of a VM`, `a path of this machine with a colon in it is written ./${text}`);
  }
}

/** Absolute; from root's home otherwise. A last `/` or `/.` stays: they say something. */
function guestPath(text: string): string {
  if (text === "" || text === "~") return GUEST_HOME;
  const path = posix.normalize(text.startsWith("/") ? text : `${GUEST_HOME}/${text.replace(/^~\//, "")}`);
  const end = /(^|\/)\.\.?$/.test(text) ? "/." : text.endsWith("/") ? "/" : "";
  return `${withoutEnd(path)}${end}`;
}

export type CopyPlan =
  | { readonly kind: "in"; readonly sources: readonly string[]; readonly to: GuestPlace }
  | { readonly kind: "out"; readonly sources: readonly GuestPlace[]; readonly to: string }
  | { readonly kind: "tar-in"; readonly to: GuestPlace }
  | { readonly kind: "tar-out"; readonly from: GuestPlace };

/** Throws `cli.usage` for what no copy is. */
export function planCopy(paths: readonly string[]): CopyPlan {
  const places = paths.map(parsePlace);
  const [to, sources] = [places.at(-1), places.slice(0, -1)];
  if (to === undefined || sources.length === 0)
    throw usageError("where to?", "banger vm cp FILE NAME:/root, or banger vm cp NAME:/root/FILE .");
  if (sources.some(({ kind }) => kind === "stdio") || to.kind === "stdio") return planStream(sources, to);
  const [host, guest] = [sources.filter((place) => place.kind === "host"), sources.filter((place) => place.kind === "guest")];
  if (to.kind === "guest" && guest[0] !== undefined) throw betweenVms(guest[0], to);
  if (to.kind === "guest") return { kind: "in", sources: host.map(({ path }) => path), to };
  if (host[0] !== undefined)
    throw usageError(`${host[0].path} and ${to.path} are both on this machine`, "a path in a VM is written NAME:PATH, as api:/root");
  return { kind: "out", sources: guest, to: to.path };
}

function planStream(sources: readonly Place[], to: Place): CopyPlan {
  const [from] = sources;
  if (sources.length === 1 && from?.kind === "stdio" && to.kind === "guest") return { kind: "tar-in", to };
  if (sources.length === 1 && from?.kind === "guest" && to.kind === "stdio") return { kind: "tar-out", from };
  throw usageError(
    "- stands for one tar to or from one path in a VM",
    "tar c . | banger vm cp - NAME:/dir, or banger vm cp NAME:/dir - | tar t",
  );
}

function betweenVms(from: GuestPlace, to: GuestPlace): Error {
  return usageError(
    `${from.vm} and ${to.vm} are both VMs: a copy goes through this machine`,
    `banger vm cp ${from.vm}:${from.path} - | banger vm cp - ${to.vm}:${to.path}`,
  );
}

/** What a source is called where it arrives, and whether only its contents are meant. */
export function lastName(path: string): { readonly name: string; readonly isContents: boolean } {
  const isContents = /(^|\/)\.\.?\/*$/.test(path) || /^\/*$/.test(path);
  return { name: posix.basename(path), isContents };
}

/** The path without the `/` or `/.` at its end; the root stays. */
export function withoutEnd(path: string): string {
  return path.replace(/(.)(\/\.?)+$/, "$1");
}

/** Whether the path says that it is a directory. */
export function saysDirectory(path: string): boolean {
  return path.endsWith("/") || path.endsWith("/.") || path === ".";
}
