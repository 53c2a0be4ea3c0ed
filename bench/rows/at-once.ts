// Several VMs started at once share the cores fairly, or something in banger makes them wait for each other.
import { readFile } from "node:fs/promises";
import { availableParallelism, freemem } from "node:os";
import { timedWork } from "../measure.ts";
import { Unmeasurable, type Row } from "../row.ts";
import { MEMORY_MIB, VM_FLAGS, type Stand } from "../stand.ts";
import { pidsOf } from "../jailed-argv.ts";

export const twoAtOnce = atOnce("two-at-once", 2);
export const tenAtOnce = { ...atOnce("ten-at-once", 10), isLong: true };

function atOnce(name: string, count: number): Row {
  return {
    name,
    what: `${count} VMs started at once, until all are ready`,
    over: "one alone, or the cores' fair share of so much work if that is longer",
    unit: "ms",
    target: { kind: "ratio", limit: 1.1 },
    async measure(stand) {
      const needed = count * (MEMORY_MIB + 256) * 1024 ** 2;
      if (freemem() < needed) throw new Unmeasurable(`${count} VMs need more memory than is free`);
      const alone = await start(stand, 1);
      const value = (await start(stand, count)).tookMs;
      return [{ value, floor: Math.max(alone.tookMs, (count * alone.cpuMs) / availableParallelism()) }];
    },
  };
}

interface Started {
  readonly tookMs: number;
  /** Processor time of the VMMs. */
  readonly cpuMs: number;
}

async function start(stand: Stand, count: number): Promise<Started> {
  const names = Array.from({ length: count }, () => stand.name());
  const boot = (name: string) => stand.banger.ok("vm", "run", "--detach", "--name", name, ...VM_FLAGS);
  const tookMs = await timedWork(() => Promise.all(names.map(boot)));
  const times = await Promise.all(names.map(async (name) => cpuMsOf((await pidsOf(await stand.vmDir(name))).vmm)));
  await stand.banger.ok("vm", "delete", ...names);
  return { tookMs, cpuMs: times.reduce((left, right) => left + right, 0) };
}

/** A tick of /proc/PID/stat is a hundredth of a second on every architecture there is. */
const TICK_MS = 10;

async function cpuMsOf(pid: number): Promise<number> {
  // The name in the second field may hold anything; utime and stime are the 14th and 15th.
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
