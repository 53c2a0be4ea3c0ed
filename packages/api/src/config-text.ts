// The text of config.toml, which is seldom there: what reads it is loaded after it.
import { readFile } from "node:fs/promises";
import { BangerError } from "./errors.ts";

/** Undefined when there is no such file. Throws `config.invalid`. */
export async function readConfigText(file: string): Promise<string | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new BangerError("config.invalid", `${file} cannot be read (${code ?? String(cause)})`, { hint: `ls -ld ${file}`, cause });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new BangerError("config.invalid", `${file} is not UTF-8 text`, { hint: `iconv -f latin1 -t utf-8 ${file}`, cause });
  }
}
