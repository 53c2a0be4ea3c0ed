// Reads config.toml from the disk.
import { readFile } from "node:fs/promises";
import { BangerError } from "@banger/api";
import type { Config } from "./contract.ts";
import { parseConfig } from "./parse-config.ts";
import { DEFAULT_CONFIG } from "./settings.ts";

export interface LoadConfigOptions {
  /** Absolute path of config.toml. */
  readonly file: string;
  /** The owner's home directory, for `~/`. */
  readonly home: string;
}

/** The settings; the defaults when there is no file. Throws `config.invalid`. */
export async function loadConfig({ file, home }: LoadConfigOptions): Promise<Config> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return DEFAULT_CONFIG;
    throw new BangerError("config.invalid", `${file} cannot be read (${code ?? String(cause)})`, { cause });
  }
  return parseConfig({ file, text: decodeUtf8(file, bytes), home });
}

function decodeUtf8(file: string, bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new BangerError("config.invalid", `${file} is not UTF-8 text`, { cause });
  }
}
