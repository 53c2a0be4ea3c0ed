import { MB, pssOf, pssOfSize } from "../host-memory.ts";
import type { Row } from "../row.ts";
import { MEMORY_MIB } from "../stand.ts";

export default {
  name: "vmm-memory",
  what: "host memory (PSS) of an idle VM's VMM and jail, beyond the guest's own",
  over: null,
  unit: "MB",
  target: { kind: "value", limit: 40 },
  async measure(stand) {
    const { pids } = await stand.warm();
    const all = (await pssOf(pids.vmm)) + (await pssOf(pids.jail));
    const guest = await pssOfSize(pids.vmm, MEMORY_MIB * 1024 ** 2);
    return [{ value: (all - guest) / MB, floor: null }];
  },
} satisfies Row;
