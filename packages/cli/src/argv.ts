// Cuts the command line before anything parses it: what follows the first `--` belongs to the guest and is carried as argv.

export interface SplitArgv {
  /** banger's own arguments. */
  readonly own: readonly string[];
  /** What followed `--`; undefined when there was no `--`. */
  readonly trailing: readonly string[] | undefined;
}

export function splitArgv(argv: readonly string[]): SplitArgv {
  const at = argv.indexOf("--");
  const own = at === -1 ? argv : argv.slice(0, at);
  return { own: reorder(own.flatMap(apart)), trailing: at === -1 ? undefined : argv.slice(at + 1) };
}

/** The parser sees no flag in one whose value is empty or has several lines, as `--name=`. */
function apart(word: string): readonly string[] {
  const [, flag, value] = /^(--[a-z][a-z-]*)=(|.*\n.*)$/s.exec(word) ?? [];
  return flag === undefined || value === undefined ? [word] : [flag, value];
}

const COMMON_SWITCHES: ReadonlySet<string> = new Set(["--json", "--quiet", "-q"]);

/** `banger --json vm list` and `banger help vm list` are what people type; commands parse their flags after their name. */
function reorder(own: readonly string[]): readonly string[] {
  const leading: string[] = [];
  let at = 0;
  for (; at < own.length; at += 1) {
    const word = own[at] ?? "";
    if (COMMON_SWITCHES.has(word) || word.startsWith("--socket=")) leading.push(word);
    else if (word === "--socket" && at + 1 < own.length) leading.push(word, own[(at += 1)] ?? "");
    else break;
  }
  const rest = own.slice(at);
  const asked = rest[0] === "help" ? [...rest.slice(1), "--help"] : rest;
  return asked.length === 0 ? leading : [...asked, ...leading];
}
