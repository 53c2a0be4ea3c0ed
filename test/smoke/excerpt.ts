/** Of long output what tells most: how it begins and how it ends. */
const SHOWN_LINES = 30;

/** The lines of `text` that are not empty; of many, the first and the last. */
export function excerptOf(text: string): readonly string[] {
  const lines = text.split("\n").filter((line) => line !== "");
  const left = lines.length - 2 * SHOWN_LINES;
  return left <= 0 ? lines : [...lines.slice(0, SHOWN_LINES), `… ${left} lines`, ...lines.slice(-SHOWN_LINES)];
}
