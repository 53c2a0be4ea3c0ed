// What a running VM's jail was started with, read back from the kernel: the floor boots with exactly that, less the jail.
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface JailedArgv {
  /** The VMM's argv, with the jail's paths. */
  readonly program: readonly string[];
  /** Paths in the jail and where they are on the host. */
  readonly binds: readonly { readonly source: string; readonly target: string }[];
}

export interface VmmPids {
  readonly vmm: number;
  /** The jail's outer process, which is in the guests' network namespace. */
  readonly jail: number;
}

export async function pidsOf(vmDir: string): Promise<VmmPids> {
  const status = await readFile(join(vmDir, "jail-status.json"), "utf8");
  const vmm = Number(/"child-pid": *(\d+)/.exec(status)?.[1]);
  const jail = Number(/^PPid:\s+(\d+)$/m.exec(await readFile(`/proc/${vmm}/status`, "utf8"))?.[1]);
  return { vmm, jail };
}

export async function jailedArgv(jailPid: number): Promise<JailedArgv> {
  return parseJailedArgv((await readFile(`/proc/${jailPid}/cmdline`, "utf8")).split("\0").slice(0, -1));
}

/** `argv` of bubblewrap; see bwrap(1). */
export function parseJailedArgv(argv: readonly string[]): JailedArgv {
  const end = argv.indexOf("--");
  if (end < 0) throw new Error(`this is no jail: ${argv.join(" ")}`);
  const binds = argv
    .slice(0, end)
    .flatMap((word, index) => (/^--(ro-)?bind$/.test(word) ? [{ source: argv[index + 1] ?? "", target: argv[index + 2] ?? "" }] : []));
  return { program: argv.slice(end + 1), binds };
}

/** The VMM's argv with every path in it moved by `places`; longer paths first. */
export function relocate(program: readonly string[], places: ReadonlyMap<string, string>): readonly string[] {
  const inOrder = [...places].toSorted(([left], [right]) => right.length - left.length);
  return program.map((word) => inOrder.reduce((moved, [from, to]) => moveIn(moved, from, to), word));
}

function moveIn(word: string, from: string, to: string): string {
  if (word === from) return to;
  const whole = word.endsWith(`=${from}`) ? word.slice(0, -from.length) + to : word;
  // In an option's value a path ends at a comma, or goes on below.
  return [",", "/"].reduce((moved, end) => moved.replaceAll(`=${from}${end}`, () => `=${to}${end}`), whole);
}
