// Which files of a guest its repository ignores, told from its .gitignore files, https://git-scm.com/docs/gitignore: what is built
// in a guest is no work to keep. No git is asked: the daemon needs none. Pure.
import { compilePattern, matchesPattern, spend, type MatchBudget, type Pattern } from "./wildmatch.ts";

interface Rule {
  readonly pattern: Pattern;
  /** Without a slash in it: matches the last part of a name at any depth. */
  readonly isName: boolean;
  readonly isForDirectories: boolean;
  readonly isNegated: boolean;
}

/** Longer ones match nothing: then more is kept, never less. */
const MAX_PATTERN = 2048;
/** Steps of matching for all names of a workspace: seconds at most. */
const MAX_STEPS = 30_000_000;
/** Bytes of a directory's name that cost as much as a step. */
const LENGTH_A_STEP = 16;

export interface IgnoreFiles {
  /** Contents of the .gitignore files by their directory; `""` is the top. One character a byte. */
  readonly byDirectory: ReadonlyMap<string, string>;
  /** Content of `.git/info/exclude`. */
  readonly excludes: string;
}

/** Answers whether a name is ignored; `directory` when it is one. The answer throws RangeError when the rules cost too much. */
export function ignoreRules({ byDirectory, excludes }: IgnoreFiles): (name: string, isDirectory?: boolean) => boolean {
  const rules = new Map([...byDirectory].map(([directory, text]) => [directory, parseRules(text)]));
  const everywhere: RuleSet = { from: 0, rules: parseRules(excludes) };
  const budget: MatchBudget = { steps: MAX_STEPS };
  const known = new Map<string, Directory>();
  const isIgnoredIn = ({ isIgnored, ruleSets }: Directory, name: string, isDirectory: boolean): boolean => {
    // What is in an ignored directory cannot be taken back.
    if (isIgnored) return true;
    for (const set of [...ruleSets, everywhere]) {
      const verdict = verdictOf(set.rules, { below: name.slice(set.from), isDirectory, budget });
      if (verdict !== undefined) return verdict;
    }
    return false;
  };
  const directoryAt = (directory: string): Directory => {
    const before = known.get(directory);
    if (before !== undefined) return before;
    spend(budget, 1 + directory.length / LENGTH_A_STEP);
    const above = directory === "" ? TOP : directoryAt(parentOf(directory));
    const own = rules.get(directory) ?? [];
    const found = {
      isIgnored: directory !== "" && isIgnoredIn(above, directory, true),
      ruleSets: own.length === 0 ? above.ruleSets : [{ from: directory === "" ? 0 : directory.length + 1, rules: own }, ...above.ruleSets],
    };
    known.set(directory, found);
    return found;
  };
  return (name, isDirectory = false) => isIgnoredIn(directoryAt(parentOf(name)), name, isDirectory);
}

interface RuleSet {
  /** Where names begin for these rules: behind their directory. */
  readonly from: number;
  readonly rules: readonly Rule[];
}

interface Directory {
  readonly isIgnored: boolean;
  /** That decide on what is in it, the nearest first; without those that are empty. */
  readonly ruleSets: readonly RuleSet[];
}

const TOP: Directory = { isIgnored: false, ruleSets: [] };

interface Question {
  /** The name from the rules' own directory on. */
  readonly below: string;
  readonly isDirectory: boolean;
  readonly budget: MatchBudget;
}

/** The last rule that matches decides. */
function verdictOf(rules: readonly Rule[], { below, isDirectory, budget }: Question): boolean | undefined {
  const base = below.slice(below.lastIndexOf("/") + 1);
  const rule = rules.findLast(
    ({ pattern, isName, isForDirectories }) => (isDirectory || !isForDirectories) && matchesPattern(pattern, isName ? base : below, budget),
  );
  return rule === undefined ? undefined : !rule.isNegated;
}

function parseRules(text: string): readonly Rule[] {
  const content = text.startsWith("\u00ef\u00bb\u00bf") ? text.slice(3) : text;
  return content.split("\n").flatMap((line) => {
    const rule = parseRule(line.replace(/\r$/, ""));
    return rule === undefined ? [] : [rule];
  });
}

function parseRule(line: string): Rule | undefined {
  if (line.startsWith("#")) return undefined;
  const trimmed = withoutTrailingBlanks(line);
  const isNegated = trimmed.startsWith("!");
  const positive = isNegated ? trimmed.slice(1) : trimmed;
  const isForDirectories = positive.endsWith("/");
  const plain = isForDirectories ? positive.slice(0, -1) : positive;
  if (plain === "" || plain.length > MAX_PATTERN) return undefined;
  const pattern = compilePattern(plain.startsWith("/") ? plain.slice(1) : plain);
  return pattern === undefined ? undefined : { pattern, isName: !plain.includes("/"), isForDirectories, isNegated };
}

/** Blanks at the end do not count unless a backslash is before. */
function withoutTrailingBlanks(line: string): string {
  let end = 0;
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] === "\\") at += 1;
    else if (line[at] === " ") continue;
    end = at + 1;
  }
  return line.slice(0, Math.max(end, 0));
}

function parentOf(name: string): string {
  const at = name.lastIndexOf("/");
  return at === -1 ? "" : name.slice(0, at);
}
