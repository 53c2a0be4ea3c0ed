// A banger state of its own, for whoever tries the real banger without touching the user's: BANGER_HOME, an environment
// without the user's settings, and the image copied in.
import { homedir } from "node:os";
import { join } from "node:path";
import { resolvePaths } from "@banger/api";
import { ownerOf } from "../../scripts/leftovers.ts";
import { bangerOf, type Banger } from "./banger.ts";
import { makeHome } from "./own-home.ts";
import { seedImage } from "./seed-image.ts";
import { sweep } from "./sweep.ts";

export interface OwnStateOptions {
  /** BANGER_HOME. Not below the build: a root daemon's VMMs run as another user, who must reach it. */
  readonly home: string;
  /** The directory with bin/banger. */
  readonly build: string;
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface OwnState {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  readonly banger: Banger;
}

/** The state, without anything of an earlier run but its images. */
export async function openOwnState(options: OwnStateOptions): Promise<OwnState> {
  const { home } = options;
  const env = environmentOf(home, options.env);
  const banger = bangerOf({ program: join(options.build, "bin/banger"), env, log: options.log, signal: options.signal });
  const owner = await ownerOf(options.uid);
  await makeHome(home, owner);
  await sweep(home, { owner, say: options.log });
  await seed(options, banger);
  return { home, env, banger };
}

function environmentOf(home: string, env: OwnStateOptions["env"]): Record<string, string> {
  const kept = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith("BANGER_"));
  return { ...Object.fromEntries(kept), BANGER_HOME: home, NO_COLOR: "1" };
}

async function seed({ uid, env, home, log }: OwnStateOptions, banger: Banger): Promise<void> {
  const from = resolvePaths({ uid, home: homedir(), env: { ...env, BANGER_HOME: undefined } });
  const to = resolvePaths({ uid, home: homedir(), env: { BANGER_HOME: home } });
  await seedImage({ banger, from, to, log });
}
