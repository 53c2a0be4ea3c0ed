// What the entries of a tar say they replace: the agent's own pax record, which the tar of the system does not know.
import { isAsItWas } from "./fake-tree.ts";

const BLOCK = 512;
const RECORD = "BANGER.was";

/** The name of the first entry in whose place something else is. */
export function changedIn(tar: Buffer, directory: string): string | undefined {
  return expectations(tar).find(({ name, was }) => !isAsItWas(directory, name, was))?.name;
}

interface Expectation {
  readonly name: string;
  readonly was: string;
}

function expectations(tar: Buffer): readonly Expectation[] {
  const found: Expectation[] = [];
  let pax = new Map<string, string>();
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0;) {
    const header = tar.subarray(at, at + BLOCK);
    const size = Number.parseInt(header.toString("latin1", 124, 135), 8);
    const content = tar.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    if (header.toString("latin1", 156, 157) === "x") {
      pax = recordsIn(content);
      continue;
    }
    const was = pax.get(RECORD);
    if (was !== undefined) found.push({ name: pax.get("path") ?? header.toString("latin1", 0, 100).replace(/\0.*$/s, ""), was });
    pax = new Map();
  }
  return found;
}

function recordsIn(content: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at);
    const length = Number(content.toString("latin1", at, space));
    const [, key = "", value = ""] = /^([^=]*)=(.*)\n$/s.exec(content.toString("latin1", space + 1, at + length)) ?? [];
    records.set(key, value);
    at += length;
  }
  return records;
}
