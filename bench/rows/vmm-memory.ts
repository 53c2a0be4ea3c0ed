// What a VM takes of the host beyond what it was given.
import { doctorChecks, firecrackerObstacle } from "../doctor.ts";
import { MB, pssOf, pssOfSize } from "../host-memory.ts";
import { pidsOf, type VmmPids } from "../jailed-argv.ts";
import { Unmeasurable, type Row } from "../row.ts";
import { MEMORY_MIB, vmFlags } from "../stand.ts";

const common = {
  what: "host memory (PSS) of an idle VM's VMM and jail, beyond the guest's own",
  over: null,
  unit: "MB",
} as const satisfies Partial<Row>;

export const vmmMemory: Row = {
  ...common,
  name: "vmm-memory",
  target: { kind: "value", limit: 40 },
  async measure(stand) {
    const { pids } = await stand.warm();
    return [{ value: await beyondGuest(pids), floor: null }];
  },
};

export const firecrackerMemory: Row = {
  ...common,
  name: "vmm-memory-firecracker",
  what: `${common.what}, on Firecracker`,
  target: { kind: "value", limit: 8 },
  async measure(stand) {
    const obstacle = firecrackerObstacle(await doctorChecks(stand.banger));
    if (obstacle !== undefined) throw new Unmeasurable(obstacle);
    const name = stand.name();
    await stand.banger.ok("vm", "run", "--detach", "--wait", "ssh", "--name", name, ...vmFlags("firecracker"));
    const value = await beyondGuest(await pidsOf(await stand.vmDir(name)));
    await stand.banger.ok("vm", "delete", name);
    return [{ value, floor: null }];
  },
};

/** Megabytes. */
async function beyondGuest({ vmm, jail }: VmmPids): Promise<number> {
  const all = (await pssOf(vmm)) + (await pssOf(jail));
  return (all - (await pssOfSize(vmm, MEMORY_MIB * 1024 ** 2))) / MB;
}
