// What a VMM said before it failed, made fit for an error message: its bytes may come from a guest.
const MAX_LINES = 5;
const MAX_CHARACTERS = 600;

/** The last lines of `log` without control characters and without the program's own name in front. */
export function lastWords(log: string): string {
  const lines = log
    .split("\n")
    .map((line) =>
      line
        .replaceAll(/\p{Cc}\[[0-9;]*[A-Za-z]|\p{Cc}/gu, "")
        .replace(/^(?:qemu-system-\w+|\/\S*\/qemu-system-\w+|bwrap|nsenter|setpriv): /, ""),
    )
    .filter((line) => line.trim() !== "");
  return lines.slice(-MAX_LINES).join("\n").slice(-MAX_CHARACTERS);
}
