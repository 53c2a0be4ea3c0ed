import { spawn } from "node:child_process";
import { once } from "node:events";
import { stripVTControlCharacters } from "node:util";
import { alternating } from "../alternating.ts";
import type { Row } from "../row.ts";
import type { Stand } from "../stand.ts";

export default {
  name: "ssh-prompt",
  what: "banger vm ssh VM on a terminal, to the shell's prompt",
  over: "plain ssh to the same guest, inside its network",
  unit: "ms",
  target: { kind: "ratio", limit: 1.3 },
  async measure(stand) {
    const vm = await stand.warm();
    // The first session is the guest's: it reads the shell's files, and an emulator translates them.
    await untilPrompt(vm.ssh("-t"), stand);
    return alternating(4, {
      value: () => untilPrompt([stand.banger.program, "vm", "ssh", vm.name], stand),
      floor: () => untilPrompt(vm.ssh("-t"), stand),
    });
  },
} satisfies Row;

const PROMPT_MS = 120_000;

/** Milliseconds until the first prompt; the shell is left afterwards. */
async function untilPrompt(argv: readonly string[], { env, signal }: Stand): Promise<number> {
  const line = argv.map((word) => `'${word}'`).join(" ");
  const began = performance.now();
  const limit = AbortSignal.any([signal, AbortSignal.timeout(PROMPT_MS)]);
  // script(1) gives it a terminal.
  const child = spawn("script", ["--quiet", "--return", "--command", line, "/dev/null"], { env: { ...env, TERM: "xterm" }, signal: limit });
  const ended = once(child, "close");
  let shown = "";
  let took: number | undefined;
  child.stdout.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
    if (took !== undefined || !/[#$] $/.test(stripVTControlCharacters(shown))) return;
    took = performance.now() - began;
    child.stdin.write("exit\n");
  });
  await ended;
  if (took === undefined) throw new Error(`${argv.join(" ")} showed no prompt: ${shown}`);
  return took;
}
