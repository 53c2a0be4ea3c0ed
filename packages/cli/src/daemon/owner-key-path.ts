// Where the owner's SSH key is: config.toml's `ssh_key_path`, else banger's own.
import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { BangerError, type Paths } from "@banger/api";
import type { CliDeps } from "../deps.ts";

export interface OwnerKey {
  readonly path: string;
  /** banger's own is made when missing, the owner's never. */
  readonly isOwn: boolean;
}

/** Throws `config.invalid`. The daemon checks the rest of the file. */
export async function findOwnerKey({ home }: Pick<CliDeps, "home">, paths: Paths): Promise<OwnerKey> {
  const named = await readKeySetting(paths.configFile);
  if (named === undefined) return { path: join(paths.stateDir, "ssh", "id_ed25519"), isOwn: true };
  const path = typeof named === "string" && named.startsWith("~/") ? join(home, named.slice(2)) : named;
  if (typeof path !== "string" || !isAbsolute(path)) {
    throw new BangerError("config.invalid", `${paths.configFile}: ssh_key_path is ${JSON.stringify(named)}`, {
      hint: `write a path that begins with "/" or "~/"`,
    });
  }
  return { path, isOwn: false };
}

async function readKeySetting(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new BangerError("config.invalid", `${file} cannot be read (${code ?? String(error)})`, { hint: `ls -l ${file}`, cause: error });
  }
  const { parse, TomlError } = await import("smol-toml");
  try {
    return parse(text)["ssh_key_path"];
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // As the daemon tells it.
    const [sentence = ""] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
    throw new BangerError("config.invalid", `${file}:${error.line}:${error.column}: ${sentence}`, {
      hint: "the file is TOML: https://toml.io",
      cause: error,
    });
  }
}
