// Reads config.toml from the disk.
import { readConfigText } from "@banger/api";
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
  const text = await readConfigText(file);
  return text === undefined ? DEFAULT_CONFIG : parseConfig({ file, text, home });
}
