// What a run found: outcomes, the exit status, and the machine-readable forms.
import { CAPABILITIES, type Capability } from "./scenario.ts";

export interface Outcome {
  readonly name: string;
  /** From 1, where there are several. */
  readonly round?: number;
  readonly result: "PASS" | "FAIL" | "SKIP";
  readonly seconds: number;
  /** Why it failed or what was missing. */
  readonly detail?: string;
  readonly missing?: Capability;
}

export const EXIT = { passed: 0, failed: 1, usage: 2, notRunnable: 77 } as const;

/** 0 all passed; 1 something failed; 77 explicitly selected and not runnable here. */
export function exitStatus(outcomes: readonly Outcome[], explicit: boolean): number {
  if (outcomes.some((outcome) => outcome.result === "FAIL")) return EXIT.failed;
  if (explicit && outcomes.some((outcome) => outcome.result === "SKIP")) return EXIT.notRunnable;
  return EXIT.passed;
}

export function outcomeLine(outcome: Outcome): string {
  const why = outcome.missing === undefined ? "" : `  (missing: ${CAPABILITIES[outcome.missing]})`;
  const name = outcome.round === undefined ? outcome.name : `${outcome.name} (round ${outcome.round})`;
  return `${outcome.result}  ${name.padEnd(28)} ${outcome.seconds.toFixed(1).padStart(6)} s${why}`;
}

/** The closing line: `N passed, N failed, N skipped`. */
export function totals(outcomes: readonly Outcome[]): string {
  return `smoke: ${tally(outcomes)}`;
}

export function tally(outcomes: readonly Outcome[]): string {
  const count = (result: Outcome["result"]) => outcomes.filter((outcome) => outcome.result === result).length;
  return `${count("PASS")} passed, ${count("FAIL")} failed, ${count("SKIP")} skipped`;
}

/** JUnit XML as CI systems read it. */
export function junit(outcomes: readonly Outcome[]): string {
  const cases = outcomes.map((outcome) => {
    const classname = outcome.round === undefined ? "smoke" : `smoke.round-${outcome.round}`;
    const open = `  <testcase classname="${classname}" name="${escapeXml(outcome.name)}" time="${outcome.seconds.toFixed(3)}"`;
    if (outcome.result === "PASS") return `${open}/>`;
    const inner =
      outcome.result === "FAIL"
        ? `<failure>${escapeXml(outcome.detail ?? "")}</failure>`
        : `<skipped message="${escapeXml(outcome.detail ?? "")}"/>`;
    return `${open}>${inner}</testcase>`;
  });
  const failures = outcomes.filter((outcome) => outcome.result === "FAIL").length;
  const skipped = outcomes.filter((outcome) => outcome.result === "SKIP").length;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name="smoke" tests="${outcomes.length}" failures="${failures}" skipped="${skipped}">\n${cases.join("\n")}\n</testsuite>\n`;
}

// XML 1.0 has no place for these characters.
// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f]/g;

function escapeXml(text: string): string {
  return text
    .replaceAll(UNPRINTABLE, "?")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
