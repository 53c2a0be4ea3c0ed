// Where each key of a TOML document is written. smol-toml answers values without positions, and an error about a value must
// name its line. This walks a document that smol-toml has accepted, so it only has to tell keys, strings and nesting apart.
// https://toml.io/en/v1.0.0
import { parse } from "smol-toml";

/** Both from 1; the column counts UTF-16 units, as smol-toml's own errors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The first position of each key by its path from the root (`["vm_defaults", "vcpu"]`); of keys inside arrays none. */
export class KeyPositions {
  readonly #offsets = new Map<string, number>();
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
    walk(source, (path, offset) => {
      const key = JSON.stringify(path);
      if (!this.#offsets.has(key)) this.#offsets.set(key, offset);
    });
  }

  of(path: readonly string[]): Position | undefined {
    const offset = this.#offsets.get(JSON.stringify(path));
    if (offset === undefined) return undefined;
    const lines = this.#source.slice(0, offset).split(/\r?\n/);
    return { line: lines.length, column: (lines.at(-1) ?? "").length + 1 };
  }
}

type OnKey = (path: readonly string[], offset: number) => void;

const TRIVIA = /(?:\s|#[^\n]*)*/y;
const BARE_KEY = /[A-Za-z0-9_-]+/y;
// A multi-line string may end with up to five quotes: two of its own and the three that close it.
const STRING = /"""(?:\\[^]|[^\\])*?"{3,5}(?!")|'''[^]*?'{3,5}(?!')|"(?:\\.|[^"\\])*"|'[^']*'/y;
const SCALAR = /[^,\]}#\n]+/y;

function walk(source: string, onKey: OnKey): void {
  let at = 0;
  let table: readonly string[] = [];

  while (peek() !== "") {
    if (peek() === "[") {
      at += source.startsWith("[[", at) ? 2 : 1;
      table = readKeys([], onKey);
      at += source.startsWith("]]", at) ? 2 : 1;
    } else {
      readPair(table, onKey);
    }
  }

  /** The next character that means something; "" at the end. */
  function peek(): string {
    take(TRIVIA);
    return source.charAt(at);
  }

  function take(pattern: RegExp): string | undefined {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0];
    at += text?.length ?? 0;
    return text;
  }

  function readPair(prefix: readonly string[], report: OnKey): void {
    const path = readKeys(prefix, report);
    at += 1; // the equals sign
    readValue(path, report);
  }

  function readKeys(prefix: readonly string[], report: OnKey): readonly string[] {
    let path = prefix;
    for (;;) {
      peek();
      const offset = at;
      path = [...path, readKey()];
      report(path, offset);
      if (peek() !== ".") return path;
      at += 1;
    }
  }

  function readKey(): string {
    const bare = take(BARE_KEY);
    if (bare !== undefined) return bare;
    return String(parse(`key = ${take(STRING) ?? lost()}`)["key"]);
  }

  function readValue(path: readonly string[], report: OnKey): void {
    switch (peek()) {
      case "{":
        return readList("}", () => readPair(path, report));
      case "[":
        return readList("]", () => readValue([], () => undefined));
      case '"':
      case "'":
        take(STRING) ?? lost();
        return;
      default:
        take(SCALAR) ?? lost();
    }
  }

  function readList(end: string, readItem: () => void): void {
    at += 1;
    while (peek() !== end) {
      if (peek() === ",") at += 1;
      else readItem();
    }
    at += 1;
  }

  function lost(): never {
    throw new Error(`no key or value at offset ${at}: the document has not been checked`);
  }
}
