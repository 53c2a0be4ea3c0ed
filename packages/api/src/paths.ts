// Where banger keeps things. Root's own user mode uses /var so that the unprivileged user who runs its VMMs can reach
// its files (a root home is closed to others).
import { isAbsolute, join } from "node:path";
import { BangerError } from "./errors.ts";

export interface Paths {
  /** BANGER_HOME, which all the others are below; null without it. */
  readonly home: string | null;
  readonly configFile: string;
  /** state.db, lock.db, run/, images/, kernels/, vms/ID/, kept/ID/. */
  readonly dataDir: string;
  readonly cacheDir: string;
  /** daemon.log. */
  readonly stateDir: string;
  readonly runDir: string;
  readonly socket: string;
  readonly logFile: string;
  readonly imagesDir: string;
  readonly kernelsDir: string;
  readonly vmsDir: string;
  /** What is left of the workspaces of VMs that are gone. */
  readonly keptDir: string;
}

export interface PathInputs {
  readonly uid: number;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The paths of a user's banger. `BANGER_HOME` moves everything below one directory; else the XDG directories for an ordinary
 * user, /var/lib/banger and /var/cache/banger for root. `BANGER_CONFIG` names another config file. Throws `config.invalid` for
 * a relative one: banger and its daemon, which runs in /, would take it for two.
 */
export function resolvePaths({ uid, home, env }: PathInputs): Paths {
  const bases = baseDirectories(uid, home, env);
  const runDir = join(bases.data, "run");
  return {
    home: absolute("BANGER_HOME", env) ?? null,
    configFile: absolute("BANGER_CONFIG", env) ?? join(bases.config, "config.toml"),
    dataDir: bases.data,
    cacheDir: bases.cache,
    stateDir: bases.state,
    runDir,
    socket: join(runDir, "bangerd.sock"),
    logFile: join(bases.state, "bangerd.log"),
    imagesDir: join(bases.data, "images"),
    kernelsDir: join(bases.data, "kernels"),
    vmsDir: join(bases.data, "vms"),
    keptDir: join(bases.data, "kept"),
  };
}

function baseDirectories(uid: number, home: string, env: PathInputs["env"]) {
  const own = absolute("BANGER_HOME", env);
  if (own !== undefined) {
    return { config: join(own, "config"), data: join(own, "data"), cache: join(own, "cache"), state: join(own, "state") };
  }
  // The XDG specification has relative ones ignored.
  const xdg = (name: string, fallback: string) => {
    const named = env[name] ?? "";
    return join(isAbsolute(named) ? named : join(home, fallback), "banger");
  };
  const config = xdg("XDG_CONFIG_HOME", ".config");
  const state = xdg("XDG_STATE_HOME", ".local/state");
  if (uid === 0) return { config, data: "/var/lib/banger", cache: "/var/cache/banger", state };
  return { config, data: xdg("XDG_DATA_HOME", ".local/share"), cache: xdg("XDG_CACHE_HOME", ".cache"), state };
}

/** The variable's path; undefined when it is unset or empty. */
function absolute(name: string, env: PathInputs["env"]): string | undefined {
  const path = env[name] || undefined;
  if (path === undefined || isAbsolute(path)) return path;
  throw new BangerError("config.invalid", `${name} is ${JSON.stringify(path)}, not an absolute path`, { hint: `${name}="$PWD/${path}"` });
}
