import { timed } from "../measure.ts";
import type { Row } from "../row.ts";
import { VM_FLAGS } from "../stand.ts";

export default {
  name: "cold-run",
  what: "banger vm run --rm -- true, from Enter to prompt",
  over: "the same VMM, kernel, disks and arguments from a bare script, to basic.target",
  unit: "ms",
  target: { kind: "ratio", limit: 1.2 },
  async measure(stand) {
    const value = await timed([stand.banger.program, "vm", "run", "--rm", ...VM_FLAGS, "--", "true"], stand);
    await using raw = await stand.raw();
    return [{ value, floor: raw.bootMs }];
  },
} satisfies Row;
