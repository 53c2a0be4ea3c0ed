// The banger command lines of a Markdown document.

export interface BangerLine {
  readonly text: string;
  /** The arguments, without the program. */
  readonly words: readonly string[];
}

/** Those in fenced code blocks; a prompt, variables before it and a pipeline after it are no part of it. */
export function bangerLines(markdown: string): readonly BangerLine[] {
  const blocks = [...markdown.matchAll(/^```[^\n]*\n(.*?)^```/gms)].map((match) => match[1] ?? "");
  return blocks
    .flatMap((block) => block.replaceAll("\\\n", " ").split("\n"))
    .map((line) => /^(?:[$#] )?(?:\w+=\S* )*(?:sudo )?(?:build\/bin\/|\.\/)?banger(?: (.*))?$/.exec(line.trim()))
    .filter((match) => match !== null)
    .map((match) => ({ text: match[0], words: shellWords(match[1] ?? "") }));
}

/** Words up to the first operator or comment of a shell. */
function shellWords(line: string): readonly string[] {
  const words: string[] = [];
  for (const [word] of line.matchAll(/(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\])+/g)) {
    if (/^(?:[|&;<>#]|\d?>)/.test(word)) break;
    words.push(word.replaceAll(/'([^']*)'|"([^"]*)"|\\(.)/g, "$1$2$3"));
  }
  return words;
}
