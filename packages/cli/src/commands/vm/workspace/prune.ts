import { BangerError, routes, type Client, type KeptVm } from "@banger/api";
import { command, switchFlag } from "../../../command.ts";
import { usageError, type CliContext } from "../../../context.ts";
import { EXIT } from "../../../exit-codes.ts";
import { someVms } from "../../../flags.ts";
import { ask, canAsk } from "../../../output/ask.ts";
import { formatAge } from "../../../output/times.ts";
import { changedFiles, countKept, discardKept } from "../../../workspaces/kept-work.ts";

interface Flags {
  readonly all?: boolean;
  readonly yes?: boolean;
}

export const prune = command({
  brief: "Throw away changes that were kept of VMs that are gone",
  description: `Throws away what was kept of VMs that are gone, by name or id, or of all of them; it asks first. A name stands for
every VM of that name that is gone. VMs that are there are not touched.`,
  usage: ["NAME… [--yes]", "--all [--yes]"],
  examples: [
    ["banger vm workspace prune sandbox", "asks, and throws away what was kept of it"],
    ["banger vm workspace prune --all --yes", "all that was kept, without a question"],
  ],
  parameters: {
    flags: { all: switchFlag("Of every VM that is gone"), yes: switchFlag("Do not ask") },
    aliases: { y: "yes" },
    positional: someVms,
  },
  check(flags: Flags, _trailing, ...names: string[]) {
    if (names.length > 0 === (flags.all === true)) throw usageError("name the VMs, or take --all", "banger vm workspace list");
  },
  async run(context: CliContext, flags: Flags, ...names: string[]) {
    const client = await context.connect();
    const chosen = await choose(client, names);
    if (chosen.length === 0) return context.output.note("nothing is kept");
    if (flags.yes !== true && !(await isSure(context, chosen))) {
      context.output.note("nothing was thrown away");
      return EXIT.failure;
    }
    for (const kept of chosen) {
      await discardKept(context, client, kept);
      if (!context.output.isQuiet) await context.output.result(`${kept.name} pruned`);
    }
    return EXIT.ok;
  },
});

/** All of them without a name. Throws `workspace.not_found` for one that nothing is kept of. */
async function choose(client: Client, names: readonly string[]): Promise<readonly KeptVm[]> {
  const all = await client.call(routes.keptList, {});
  if (names.length === 0) return all;
  const unknown = names.find((wanted) => !all.some(({ id, name }) => id === wanted || name === wanted));
  if (unknown !== undefined)
    throw new BangerError("workspace.not_found", `nothing is kept of a VM ${JSON.stringify(unknown)} that is gone`, {
      hint: "banger vm workspace list",
    });
  return all.filter(({ id, name }) => names.includes(id) || names.includes(name));
}

async function isSure({ deps, output }: CliContext, chosen: readonly KeptVm[]): Promise<boolean> {
  if (!canAsk(deps)) throw usageError("without a terminal nobody can be asked", "add --yes to throw them away");
  for (const kept of chosen)
    output.note(`${kept.name} (${kept.id}): ${changedFiles(countKept(kept))}, deleted ${formatAge(kept.deletedAt, deps.now())} ago`);
  return /^y(es)?$/i.test((await ask(deps, "throw them away? [y/N] ")) ?? "");
}
