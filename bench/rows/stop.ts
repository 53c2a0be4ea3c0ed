import { timed } from "../measure.ts";
import type { Row } from "../row.ts";
import { VM_FLAGS } from "../stand.ts";

export default {
  name: "stop",
  what: "banger vm stop VM",
  over: "the raw machine's init asked to power off, to the end of its VMM",
  unit: "ms",
  target: { kind: "ratio", limit: 1.2 },
  async measure(stand) {
    const name = stand.name();
    await stand.banger.ok("vm", "run", "--detach", "--name", name, ...VM_FLAGS);
    const value = await timed([stand.banger.program, "vm", "stop", name], stand);
    await stand.banger.ok("vm", "delete", name);
    await using raw = await stand.raw();
    return [{ value, floor: await raw.poweroff() }];
  },
} satisfies Row;
