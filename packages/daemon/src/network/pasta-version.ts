// How old a pasta is, and what that means for guests. Releases are named by their date; distributions wrap it, and some
// builds (Debian 12's) say "unknown version": what such a pasta offers tells a little.
import { execFile } from "node:child_process";
import { locatePrograms } from "./programs.ts";

export interface PastaVersion {
  /** Date of the release, such as `2025-03-20`; null when it does not say. */
  readonly released: string | null;
  /** `--dns-host`, of 2024-11 on: the resolver can be told, and DNS over TCP is handed on too. */
  readonly hasDnsHost: boolean;
}

/**
 * From this release on, what a guest has acknowledged after its own FIN is dropped from the socket's queue; before, it was
 * sent again and again. See "tcp: Flush socket before checking for more data in active close state" in passt's history.
 */
export const halfCloseFixed = "2025-03-20";

/** The pasta that would be run; null when there is none. */
export async function findPastaVersion(searchPath: string): Promise<PastaVersion | null> {
  const { pasta } = (await locatePrograms(searchPath)).found;
  return pasta === undefined ? null : readPastaVersion(pasta);
}

export async function readPastaVersion(pasta: string): Promise<PastaVersion> {
  const [version, hasDnsHost] = await Promise.all([wordsOf(pasta, "--version"), pastaHasDnsHost(pasta)]);
  return { released: releaseDate(version), hasDnsHost };
}

export async function pastaHasDnsHost(pasta: string): Promise<boolean> {
  return (await wordsOf(pasta, "--help")).includes("--dns-host");
}

/** The date in `pasta 2025_03_20.32f6212`, `passt 0.0~git20250503.587980c-2` or `pasta 0^20250320.g32f6212-1.fc42`. */
export function releaseDate(version: string): string | null {
  const [, year, month, day] = /(?<!\d)(20\d\d)_?([01]\d)_?([0-3]\d)(?!\d)/.exec(version) ?? [];
  return year === undefined ? null : `${year}-${month ?? ""}-${day ?? ""}`;
}

/** Whether a guest that ends its side of a TCP connection and reads on is sent data twice. */
export function repeatsHalfClosed({ released, hasDnsHost }: PastaVersion): boolean {
  return released === null ? !hasDnsHost : released < halfCloseFixed;
}

// Older versions print their help on stderr and exit 1: the text is what counts.
async function wordsOf(pasta: string, option: string): Promise<string> {
  const words = Promise.withResolvers<string>();
  execFile(pasta, [option], { timeout: 10_000 }, (_error, stdout, stderr) => words.resolve(stdout + stderr));
  return words.promise;
}
