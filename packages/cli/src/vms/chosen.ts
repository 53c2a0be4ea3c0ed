// Which VMs a command on several of them means: those named, or all there are.
import { routes, type Vm } from "@banger/api";
import { switchFlag } from "../command.ts";
import { usageError, type CliContext } from "../context.ts";

export const allFlag = switchFlag("All VMs instead of named ones");

export interface Choice {
  readonly all?: boolean;
}

/** Refuses names together with `--all`, and neither. Throws `cli.usage`. */
export function checkChosen({ all }: Choice, names: readonly string[]): void {
  if (names.length > 0 === (all === true)) throw usageError("name the VMs, or take --all", "banger vm list");
}

/** In the order of `vm list`; with `--all` those that `isMeant`. */
export async function chosenVms(
  { read }: Pick<CliContext, "read">,
  names: readonly string[],
  isMeant: (vm: Vm) => boolean = () => true,
): Promise<readonly string[]> {
  if (names.length > 0) return names;
  return (await read(routes.vmList, {})).filter(isMeant).map(({ name }) => name);
}
