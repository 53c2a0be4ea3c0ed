import { timed } from "../measure.ts";
import type { Row } from "../row.ts";

export default {
  name: "list",
  what: "banger vm list",
  over: "node -e 0",
  unit: "ms",
  target: { kind: "ratio", limit: 1.6 },
  async sample(stand) {
    const value = await timed([stand.banger.program, "vm", "list"], stand);
    return { value, floor: await timed([stand.node, "-e", "0"], stand) };
  },
} satisfies Row;
