// Git's patterns for names, https://git-scm.com/docs/gitignore#_pattern_format. A pattern is a small machine that is walked once
// over the name with all its states at a time, so that no pattern a guest writes takes more than its length times the name's.
// Libraries (`ignore`, `picomatch`) make regular expressions of patterns: those backtrack, so that `*a*a*a*a*a*a*ab` alone holds the
// daemon up for longer than anybody waits, and cannot be given a budget; nor do they know all of git's classes, or names as bytes.

type Token =
  | { readonly kind: "byte"; readonly byte: string }
  | { readonly kind: "class"; readonly has: (byte: string) => boolean }
  /** `?`: any but a slash. */
  | { readonly kind: "any" }
  /** `*`: any number of any but a slash. */
  | { readonly kind: "star" }
  /** A double star and a slash: any number of directories. */
  | { readonly kind: "directories" }
  /** A double star at the end, or before an escaped slash: any number of any. */
  | { readonly kind: "rest" };

export type Pattern = readonly Token[];

/** What may still be spent on matching, in steps. */
export interface MatchBudget {
  steps: number;
}

/** The pattern of a path, or of a name without slashes; undefined for one that git takes for none. */
export function compilePattern(text: string): Pattern | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const next = readToken(text, at);
    if (next === undefined) return undefined;
    tokens.push(next.token);
    at = next.at;
  }
  return tokens;
}

/** Whether all of `name` matches. Throws RangeError once the budget is spent. */
export function matchesPattern(pattern: Pattern, name: string, budget: MatchBudget): boolean {
  let states: number[] = [];
  // When a state was last entered, as the position behind what was read then.
  const entered = new Int32Array(pattern.length + 1).fill(-1);
  enter(pattern, 0, { states, entered, at: 0 });
  for (let at = 0; at < name.length; at += 1) {
    spend(budget, states.length);
    const next: Entering = { states: [], entered, at: at + 1 };
    for (const state of states) step(pattern, { state, byte: name[at] ?? "" }, next);
    if (next.states.length === 0) return false;
    states = next.states;
  }
  return entered[pattern.length] === name.length;
}

/** Throws RangeError when there is not so much left. */
export function spend(budget: MatchBudget, steps: number): void {
  budget.steps -= steps;
  if (budget.steps < 0) throw new RangeError("the rules of what git ignores are too many for so many files");
}

interface Entering {
  readonly states: number[];
  readonly entered: Int32Array;
  readonly at: number;
}

/** A state, and those that nothing needs to be read for. */
function enter(pattern: Pattern, from: number, { states, entered, at }: Entering): void {
  for (let state = from; entered[state] !== at; state += 1) {
    entered[state] = at;
    states.push(state);
    const kind = pattern[state]?.kind;
    if (kind !== "star" && kind !== "directories" && kind !== "rest") return;
  }
}

interface Reading {
  readonly state: number;
  readonly byte: string;
}

function step(pattern: Pattern, { state, byte }: Reading, next: Entering): void {
  const token = pattern[state];
  switch (token?.kind) {
    case undefined:
      return;
    case "byte":
      if (token.byte === byte) enter(pattern, state + 1, next);
      return;
    case "class":
      if (byte !== "/" && token.has(byte)) enter(pattern, state + 1, next);
      return;
    case "any":
      if (byte !== "/") enter(pattern, state + 1, next);
      return;
    case "star":
      if (byte !== "/") enter(pattern, state, next);
      return;
    case "rest":
      enter(pattern, state, next);
      return;
    case "directories":
      // Between two slashes it stays; past one the name may go on.
      if (next.entered[state] !== next.at) {
        next.entered[state] = next.at;
        next.states.push(state);
      }
      if (byte === "/") enter(pattern, state + 1, next);
  }
}

interface Read {
  readonly token: Token;
  readonly at: number;
}

function readToken(text: string, at: number): Read | undefined {
  const byte = text[at] ?? "";
  if (byte === "\\") return at + 1 < text.length ? { token: { kind: "byte", byte: text[at + 1] ?? "" }, at: at + 2 } : undefined;
  if (byte === "?") return { token: { kind: "any" }, at: at + 1 };
  if (byte === "[") return readClass(text, at);
  return byte === "*" ? readStars(text, at) : { token: { kind: "byte", byte }, at: at + 1 };
}

function readStars(text: string, at: number): Read {
  let end = at;
  while (text[end] === "*") end += 1;
  // Git takes what is before the first special character off, and then sees a beginning.
  const isBetween = end - at >= 2 && (text[at - 1] === "/" || !/[*?[\\]/.test(text.slice(0, at)));
  // Of a slash that is escaped git sees that the stars are between two, and then a byte like any other.
  if (isBetween && (end === text.length || text.startsWith("\\/", end))) return { token: { kind: "rest" }, at: end };
  if (isBetween && text[end] === "/") return { token: { kind: "directories" }, at: end + 1 };
  return { token: { kind: "star" }, at: end };
}

const NAMED: Readonly<Record<string, RegExp>> = {
  alnum: /[A-Za-z0-9]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  // oxlint-disable-next-line no-control-regex -- that is what the class is
  cntrl: /[\x00-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[\x21-\x7e]/,
  lower: /[a-z]/,
  print: /[\x20-\x7e]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t\n\v\f\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

function readClass(text: string, from: number): Read | undefined {
  const isNegated = text[from + 1] === "!" || text[from + 1] === "^";
  const members: ((byte: string) => boolean)[] = [];
  let at = from + (isNegated ? 2 : 1);
  for (let isFirst = true; isFirst || text[at] !== "]"; isFirst = false) {
    const next = readMember(text, at);
    if (next === undefined) return undefined;
    members.push(next.has);
    at = next.at;
  }
  return { token: { kind: "class", has: (byte) => members.some((has) => has(byte)) !== isNegated }, at: at + 1 };
}

function readMember(text: string, at: number): { readonly has: (byte: string) => boolean; readonly at: number } | undefined {
  if (text.startsWith("[:", at)) {
    const end = text.indexOf("]", at + 2);
    if (end === -1) return undefined;
    if (text[end - 1] === ":" && end - 1 >= at + 2) {
      const named = NAMED[text.slice(at + 2, end - 1)];
      return named === undefined ? undefined : { has: (byte) => named.test(byte), at: end + 1 };
    }
  }
  const first = readByte(text, at);
  if (first === undefined) return undefined;
  const isRange = text[first.at] === "-" && first.at + 1 < text.length && text[first.at + 1] !== "]";
  const last = isRange ? readByte(text, first.at + 1) : first;
  if (last === undefined) return undefined;
  return { has: (byte) => byte >= first.byte && byte <= last.byte, at: last.at };
}

function readByte(text: string, at: number): { readonly byte: string; readonly at: number } | undefined {
  const from = text[at] === "\\" ? at + 1 : at;
  const byte = text[from];
  return byte === undefined ? undefined : { byte, at: from + 1 };
}
