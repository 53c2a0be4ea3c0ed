import { MB, pssOf } from "../host-memory.ts";
import type { Row } from "../row.ts";

export default {
  name: "daemon-memory",
  what: "host memory (PSS) of the daemon with a VM running",
  over: null,
  unit: "MB",
  target: { kind: "value", limit: 120 },
  async measure(stand) {
    await stand.warm();
    const { pid } = (await stand.banger.json("daemon", "status")) as { readonly pid: number };
    return [{ value: (await pssOf(pid)) / MB, floor: null }];
  },
} satisfies Row;
