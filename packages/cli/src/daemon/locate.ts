// Which daemon a command talks to.
import { BangerError, resolvePaths, type Paths } from "@banger/api";
import type { CliDeps } from "../deps.ts";

export interface SocketChoice {
  readonly path: string;
  /** Named with `--socket` or BANGER_SOCKET: such a daemon is not ours to start. */
  readonly isExplicit: boolean;
}

export function locatePaths(deps: Pick<CliDeps, "uid" | "home" | "env">): Paths {
  return resolvePaths({ uid: deps.uid, home: deps.home, env: deps.env });
}

export function locateSocket(flag: string | undefined, env: CliDeps["env"], paths: Paths): SocketChoice {
  const named = flag ?? (env["BANGER_SOCKET"] || undefined);
  if (named === undefined || named === paths.socket) return { path: paths.socket, isExplicit: false };
  if (!named.startsWith("/"))
    throw new BangerError("cli.usage", `${JSON.stringify(named)} is not an absolute path of a socket`, {
      hint: `--socket ${paths.socket}`,
    });
  return { path: named, isExplicit: true };
}
