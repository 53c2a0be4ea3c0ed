// Reads what mmdebstrap and apt say while they build: how far they are, and why they failed. Pure.

export interface PackageProgress {
  readonly packagesTotal: number;
  readonly packagesUnpacked: number;
  readonly packagesSetUp: number;
  readonly bytesTotal: number;
  readonly bytesDone: number;
  readonly downloading: boolean;
}

export const NO_PROGRESS: PackageProgress = {
  packagesTotal: 0,
  packagesUnpacked: 0,
  packagesSetUp: 0,
  bytesTotal: 0,
  bytesDone: 0,
  downloading: false,
};

/** The progress after one more line; the same object when the line says nothing of it. */
export function advance(state: PackageProgress, line: string): PackageProgress {
  const newly = /^\d+ upgraded, (\d+) newly installed/.exec(line);
  if (newly?.[1] !== undefined) return { ...state, packagesTotal: state.packagesTotal + Number(newly[1]) };
  // With some files here already apt writes "Need to get 5 MB/20 MB of archives".
  const need = /^Need to get ([\d.,]+ k?[A-Z]?B)(?:\/\S+ \S+)? of archives/.exec(line);
  if (need?.[1] !== undefined) return { ...state, downloading: true, bytesTotal: state.bytesTotal + parseAptSize(need[1]) };
  const got = state.downloading ? /^Get:\d+ .*\[([\d.,]+ k?[A-Z]?B)\]$/.exec(line) : null;
  if (got?.[1] !== undefined) return { ...state, bytesDone: Math.min(state.bytesTotal, state.bytesDone + parseAptSize(got[1])) };
  if (state.downloading && line.startsWith("Fetched ")) return { ...state, downloading: false };
  if (/^Unpacking \S+ \(/.test(line)) return { ...state, packagesUnpacked: state.packagesUnpacked + 1 };
  if (/^Setting up \S+ \(/.test(line)) return { ...state, packagesSetUp: state.packagesSetUp + 1 };
  return state;
}

/** Packages done, of `packagesTotal`: one that is unpacked and not yet set up counts half. */
export function packagesDone({ packagesTotal, packagesUnpacked, packagesSetUp }: PackageProgress): number {
  return Math.min(packagesTotal, Math.floor((packagesUnpacked + packagesSetUp) / 2));
}

/** Bytes of a size as apt writes it: `512 B`, `37.6 kB`, `1,048 MB`; powers of 1000. NaN on anything else. */
export function parseAptSize(text: string): number {
  const match = /^([\d.,]+) ([kMGT]?)B$/.exec(text);
  const factor = { "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 }[match?.[2] ?? "?"];
  return match?.[1] === undefined || factor === undefined ? Number.NaN : Math.round(Number(match[1].replaceAll(",", "")) * factor);
}

/** mmdebstrap's remarks on a failure whose cause stands in an earlier line. */
const CONSEQUENCES = /^E: (setup failed|mmdebstrap failed|apt-get .*failed|run_chroot|.*process exited with|.*child had a problem)/i;
const CAUSES = /^(E: |Err:|dpkg: error|dpkg-deb: error|W: (Failed to fetch|GPG error)|tar: .*(Cannot|No space))/;
const MAX_CAUSES = 4;

/** The lines that say why a build failed, in apt's and dpkg's own words; the last lines when none stands out. */
export function failureCauses(lines: readonly string[]): string[] {
  const causes: string[] = [];
  for (const [index, line] of lines.entries()) {
    if (!CAUSES.test(line) || CONSEQUENCES.test(line) || causes.includes(line)) continue;
    causes.push(line);
    const next = lines[index + 1];
    if (line.startsWith("Err:") && next?.startsWith("  ") === true) causes.push(next.trim());
  }
  if (causes.length > 0) return causes.slice(0, MAX_CAUSES);
  const spoken = lines.filter((line) => line.trim() !== "" && !line.startsWith("I: "));
  return (spoken.length > 0 ? spoken : lines).slice(-3);
}

export function saysDiskFull(lines: readonly string[]): boolean {
  return lines.some((line) => /No space left on device|Disk quota exceeded|You don't have enough free space/.test(line));
}
