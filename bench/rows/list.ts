import { alternating } from "../alternating.ts";
import { timed } from "../measure.ts";
import type { Row } from "../row.ts";

export default {
  name: "list",
  what: "banger vm list",
  over: "node -e 0",
  unit: "ms",
  target: { kind: "ratio", limit: 1.6 },
  async measure(stand) {
    return alternating(6, {
      value: () => timed([stand.banger.program, "vm", "list"], stand),
      floor: () => timed([stand.node, "-e", "0"], stand),
    });
  },
} satisfies Row;
