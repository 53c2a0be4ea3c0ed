// VMs that are there already are booted, for what starts them and for what starts them again.
import type { ReadinessLevel, routes } from "@banger/api";
import type { CliContext } from "../context.ts";
import { interruptible } from "../interrupt.ts";
import { forEachVm } from "./each.ts";

export interface Booting {
  readonly route: typeof routes.vmStart | typeof routes.vmRestart;
  readonly names: readonly string[];
  readonly wait: ReadinessLevel | undefined;
  /** What is said after Ctrl-C. */
  readonly undone: string;
}

/** Answers the exit status: 1 if any failed. */
export function bootEach(context: CliContext, { route, names, wait, undone }: Booting): Promise<number> {
  return interruptible(context.deps, {
    work: (signal) =>
      forEachVm(context, {
        names,
        signal,
        act: (client, name, onEvent) => client.progress(route, { params: { name }, query: { wait } }, { onEvent, signal }),
        shown: (vm) => ({ vm }),
        told: (name, vm) => `${name} ${vm.status}`,
      }),
    undone: () => Promise.resolve(undone),
  });
}
