// Where the owner's SSH key is: config.toml's `ssh_key_path`, else banger's own.
import { isAbsolute, join } from "node:path";
import { readConfigText, type Paths } from "@banger/api";
import type { CliDeps } from "../deps.ts";

export interface OwnerKey {
  readonly path: string;
  /** banger's own is made when missing, the owner's never. */
  readonly isOwn: boolean;
}

/** Throws `config.invalid`. The daemon checks the rest of the file. */
export async function findOwnerKey({ home }: Pick<CliDeps, "home">, paths: Paths): Promise<OwnerKey> {
  const named = await readKeySetting(paths.configFile, home);
  return named === undefined ? { path: join(paths.stateDir, "ssh", "id_ed25519"), isOwn: true } : { path: named, isOwn: false };
}

async function readKeySetting(file: string, home: string): Promise<string | undefined> {
  const text = await readConfigText(file);
  if (text === undefined) return undefined;
  const { invalidConfig, KeyPositions, parseConfigText } = await import("@banger/api/config-file");
  const named = parseConfigText({ file, text })["ssh_key_path"];
  if (named === undefined) return undefined;
  const path = typeof named === "string" && named.startsWith("~/") ? join(home, named.slice(2)) : named;
  if (typeof path === "string" && isAbsolute(path)) return path;
  const place = new KeyPositions(text).of(["ssh_key_path"]) ?? { line: 1, column: 1 };
  const hint = `write a path that begins with "/" or "~/"`;
  throw invalidConfig(file, [{ ...place, message: `ssh_key_path is ${JSON.stringify(named)}`, hint }]);
}
