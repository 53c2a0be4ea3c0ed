// Where the programs of the guests' network are. They are always run by their absolute path.
import { findProgram, withSystemDirectories } from "@banger/host";

const NAMES = ["pasta", "ip", "nft", "nsenter", "unshare", "setpriv", "sleep", "tee", "dd"] as const;

export type ProgramName = (typeof NAMES)[number];
export type Programs = Readonly<Record<ProgramName, string>>;

export interface LocatedPrograms {
  readonly found: Partial<Programs>;
  readonly missing: readonly ProgramName[];
}

export async function locatePrograms(searchPath: string): Promise<LocatedPrograms> {
  const entries = await Promise.all(NAMES.map(async (name) => [name, await findProgram(name, withSystemDirectories(searchPath))] as const));
  return {
    found: Object.fromEntries(entries.filter(([, path]) => path !== undefined)),
    missing: entries.filter(([, path]) => path === undefined).map(([name]) => name),
  };
}
