// Where each key of a TOML document is written. smol-toml answers values without positions, and an error about a value must
// name its line. This walks a document that smol-toml has accepted, so it only has to tell keys, strings and nesting apart.
// https://toml.io/en/v1.0.0
import { parse } from "smol-toml";

/** Both from 1; the column counts UTF-16 units, as smol-toml's own errors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The first position of each key by its path from the root: `["vm_defaults", "vcpu"]`, in lists `["file_sync", "0", "host"]`. */
export class KeyPositions {
  readonly #offsets = new Map<string, number>();
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
    new Walk(source, (path, offset) => {
      const key = JSON.stringify(path);
      if (!this.#offsets.has(key)) this.#offsets.set(key, offset);
    }).document();
  }

  of(path: readonly string[]): Position | undefined {
    const offset = this.#offsets.get(JSON.stringify(path));
    if (offset === undefined) return undefined;
    const lines = this.#source.slice(0, offset).split(/\r?\n/);
    return { line: lines.length, column: (lines.at(-1) ?? "").length + 1 };
  }
}

type Path = readonly string[];
type OnKey = (path: Path, offset: number) => void;

const TRIVIA = /(?:\s|#[^\n]*)*/y;
const BARE_KEY = /[A-Za-z0-9_-]+/y;
// A multi-line string may end with up to five quotes: two of its own and the three that close it.
const STRING = /"""(?:\\[^]|[^\\])*?"{3,5}(?!")|'''[^]*?'{3,5}(?!')|"(?:\\.|[^"\\])*"|'[^']*'/y;
const SCALAR = /[^,\]}#\n]+/y;

/** One pass over a document. */
class Walk {
  readonly #source: string;
  readonly #onKey: OnKey;
  #at = 0;

  constructor(source: string, onKey: OnKey) {
    this.#source = source;
    this.#onKey = onKey;
  }

  document(): void {
    let table: Path = [];
    const items = new Map<string, number>();
    while (this.#peek() !== "") {
      if (this.#peek() === "[") {
        const isItem = this.#source.startsWith("[[", this.#at);
        this.#at += isItem ? 2 : 1;
        table = this.#keys([]);
        if (isItem) {
          const list = JSON.stringify(table);
          const index = items.get(list) ?? 0;
          items.set(list, index + 1);
          table = [...table, `${index}`];
        }
        this.#at += this.#source.startsWith("]]", this.#at) ? 2 : 1;
      } else {
        this.#pair(table);
      }
    }
  }

  #pair(prefix: Path): void {
    const path = this.#keys(prefix);
    this.#at += 1; // the equals sign
    this.#value(path);
  }

  #keys(prefix: Path): Path {
    const path = [...prefix];
    for (;;) {
      this.#peek();
      const offset = this.#at;
      path.push(this.#key());
      this.#onKey(path, offset);
      if (this.#peek() !== ".") return path;
      this.#at += 1;
    }
  }

  #key(): string {
    const bare = this.#take(BARE_KEY);
    if (bare !== undefined) return bare;
    const [decoded] = Object.keys(parse(`${this.#take(STRING) ?? ""} = 1`));
    return decoded ?? this.#lost();
  }

  #value(path: Path): void {
    switch (this.#peek()) {
      case "{":
        this.#list("}", () => this.#pair(path));
        return;
      case "[":
        this.#list("]", (index) => this.#value([...path, `${index}`]));
        return;
      default:
        if (this.#take(STRING) === undefined && this.#take(SCALAR) === undefined) this.#lost();
    }
  }

  #list(end: string, readItem: (index: number) => void): void {
    this.#at += 1;
    for (let index = 0; this.#peek() !== end;) {
      if (this.#peek() === ",") this.#at += 1;
      else readItem(index++);
    }
    this.#at += 1;
  }

  /** The next character that means something; "" at the end. */
  #peek(): string {
    this.#take(TRIVIA);
    return this.#source.charAt(this.#at);
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#source)?.[0];
    this.#at += text?.length ?? 0;
    return text;
  }

  #lost(): never {
    throw new Error(`no key or value at offset ${this.#at}: the document has not been checked`);
  }
}
