// How the host itself reaches Debian: its mirror and its proxy. An image is built through them; nothing of it stays inside.
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { run } from "@banger/host";
import type { Recipe } from "./recipe-schema.ts";

/** Only what is signed with Debian's own keys is taken, whatever else the host trusts. */
export const DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

export interface HostApt {
  /** Lines of a sources.list; empty: mmdebstrap's own default. */
  readonly sources: readonly string[];
  /** Lines of an apt.conf. */
  readonly options: readonly string[];
}

/** What the host's apt is set to for the recipe's suite. `aptDir` is /etc/apt; a host without apt has nothing. */
export async function readHostApt(aptDir: string, recipe: Pick<Recipe, "suite" | "components">, signal: AbortSignal): Promise<HostApt> {
  const files = await readSourceFiles(aptDir);
  const dump = files.length === 0 ? "" : (await run(["apt-config", "dump"], { signal })).stdout;
  return { sources: hostSources(files, recipe), options: hostAptOptions(dump) };
}

export interface SourceFile {
  /** `debian.sources` or `NAME.list`. */
  readonly name: string;
  readonly text: string;
}

/**
 * The host's sources of the Debian suite as lines of a sources.list, pinned to Debian's keyring. Empty unless the host has both
 * the suite and its security updates: an image never goes without those. Pure.
 */
export function hostSources(files: readonly SourceFile[], { suite, components }: Pick<Recipe, "suite" | "components">): string[] {
  const wantedSuites = new Set([suite, `${suite}-updates`, `${suite}-security`]);
  const sources = files
    .flatMap(({ name, text }) => (name.endsWith(".sources") ? parseStanzas(text) : parseLines(text)))
    .filter(
      (source) =>
        wantedSuites.has(source.suite) && isDebian(source.uri) && components.every((wanted) => source.components.includes(wanted)),
    );
  const found = new Set(sources.map((source) => source.suite));
  if (!found.has(suite) || !found.has(`${suite}-security`)) return [];
  return [...new Set(sources.map((source) => `deb [signed-by=${DEBIAN_KEYRING}] ${source.uri} ${source.suite} ${components.join(" ")}`))];
}

const PASSED_OPTION = /^Acquire::(https?::Proxy(::[\w.-]+)?|Check-Valid-Until|Check-Date|Retries) "[^"\n]*";$/;

/** The lines of `apt-config dump` that say how the archive is reached. Pure. */
export function hostAptOptions(dump: string): string[] {
  return dump.split("\n").filter((line) => PASSED_OPTION.test(line));
}

interface Source {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
}

/** The archive itself and its security part, on whatever mirror: third parties' archives have the same suites' names. */
function isDebian(uri: string): boolean {
  return /^(mirror\+)?https?:\/\/[^\s[\]]+$/.test(uri) && ["debian", "debian-security"].includes(basename(uri.replace(/\/+$/, "")));
}

/** One-line style, sources.list(5). */
function parseLines(text: string): Source[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) return [];
    return [{ uri: match[1], suite: match[2], components: words(match[3]) }];
  });
}

/** Deb822 style, sources.list(5). */
function parseStanzas(text: string): Source[] {
  const uncommented = text
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join("\n");
  return uncommented.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = new Map<string, string>();
    for (const match of stanza.matchAll(/^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)/gm))
      fields.set((match[1] ?? "").toLowerCase(), match[2] ?? "");
    if (!words(fields.get("types")).includes("deb") || /^\s*(no|false|0)\s*$/i.test(fields.get("enabled") ?? "yes")) return [];
    const components = words(fields.get("components"));
    return words(fields.get("uris")).flatMap((uri) => words(fields.get("suites")).map((suite) => ({ uri, suite, components })));
  });
}

function words(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}

async function readSourceFiles(aptDir: string): Promise<SourceFile[]> {
  const partsDir = join(aptDir, "sources.list.d");
  const parts = (await orNone(readdir(partsDir))) ?? [];
  const paths = [
    join(aptDir, "sources.list"),
    ...parts
      .filter((name) => /\.(list|sources)$/.test(name))
      .toSorted()
      .map((name) => join(partsDir, name)),
  ];
  const files = await Promise.all(
    paths.map(async (path) => ({ name: basename(path), text: (await orNone(readFile(path, "utf8"))) ?? "" })),
  );
  return files.filter((file) => file.text !== "");
}

/** Undefined for what is not there or not ours to read. */
async function orNone<T>(reading: Promise<T>): Promise<T | undefined> {
  return reading.catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "EACCES") return undefined;
    throw error;
  });
}
