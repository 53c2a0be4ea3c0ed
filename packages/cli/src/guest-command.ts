// Where a guest's command begins in a command line whose writer left out the `--` before it.

/** Which of its plain words are the command's own, before the guest's. */
const OWN_WORDS: Readonly<Record<string, "a directory" | "one">> = { "vm run": "a directory", "vm exec": "one", "vm ssh": "one" };

/** Those that take no value and stand before a command. After any other flag the next word may be its value. */
const SWITCHES: ReadonlySet<string> = new Set(["--rm", "-d", "--detach", "-q", "--quiet", "-t", "--tty", "-T", "--no-tty", "-i", "-n"]);

/** `own` with `--` where it is missing; undefined where no command can be meant. */
export function withGuestCommand(own: readonly string[], isDirectory: (word: string) => boolean): readonly string[] | undefined {
  const takes = OWN_WORDS[own.slice(0, 2).join(" ")];
  if (takes === undefined) return undefined;
  const [first, second] = plainWords(own);
  const isOwn = takes === "one" || (first !== undefined && isDirectory(own[first] ?? ""));
  const begin = isOwn ? second : first;
  return begin === undefined ? undefined : [...own.slice(0, begin), "--", ...own.slice(begin)];
}

/** Positions of the words after the command's name that are neither flags nor, as far as can be told, their values. */
function plainWords(own: readonly string[]): readonly number[] {
  return [...own.keys()].filter((at) => {
    const before = own[at - 1] ?? "";
    const mayBeValue = at > 2 && before.startsWith("-") && !before.includes("=") && !SWITCHES.has(before);
    return at >= 2 && !own[at]?.startsWith("-") && !mayBeValue;
  });
}
