import { routes } from "@banger/api";
import { command, jsonFlag, switchFlag } from "../../command.ts";
import { usageError, type CliContext } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { chosenVmNames } from "../../flags.ts";
import { interruptible } from "../../interrupt.ts";
import { ask, canAsk } from "../../output/ask.ts";
import { allFlag, checkChosen, chosenVms } from "../../vms/chosen.ts";
import { forEachVm } from "../../vms/each.ts";
import { keptRemark } from "../../workspaces/kept-work.ts";

interface Flags {
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly discardChanges?: boolean;
  readonly json?: boolean;
}

export const deleteVms = command({
  brief: "Delete VMs with everything in them",
  description: `Stops each VM if it runs and removes everything of it, but what its guest changed in a repository that was copied in:
that is kept, for banger vm workspace diff, export and pull. A VM whose changes cannot be had, as one that was killed,
or whose guest has a stash or commits that are not checked out, stays. A name that does not exist does not stop the
others.`,
  usage: ["NAME… [--discard-changes]", "--all [--yes]"],
  examples: [
    ["banger vm delete sandbox", "one VM"],
    ["banger vm delete sandbox --discard-changes", "and the changes in its repository are lost"],
    ["banger vm delete --all", "all of them; it asks first"],
  ],
  parameters: {
    flags: {
      all: allFlag,
      yes: switchFlag("Do not ask before --all"),
      discardChanges: switchFlag("Lose what changed in copied repositories: nothing of it is kept"),
      force: switchFlag("Taken for habit: as --yes"),
      json: jsonFlag,
    },
    aliases: { a: "all", y: "yes", f: "force" },
    positional: chosenVmNames,
  },
  check: (flags: Flags, _trailing, ...names: string[]) => checkChosen(flags, names),
  async run(context: CliContext, flags: Flags, ...named: string[]) {
    const names = await chosenVms(context, named);
    if (names.length > 0 && flags.all === true && flags.yes !== true && flags.force !== true && !(await isSure(context, names))) {
      context.output.note("nothing was deleted");
      return EXIT.failure;
    }
    return await interruptible(context.deps, {
      work: (signal) => deleteAll(context, { names, signal, discardsChanges: flags.discardChanges === true }),
      undone: () => Promise.resolve("left: deleting goes on.  what there is: banger vm list"),
    });
  },
});

interface Deletion {
  readonly names: readonly string[];
  readonly signal: AbortSignal;
  readonly discardsChanges: boolean;
}

function deleteAll(context: CliContext, { names, signal, discardsChanges }: Deletion): Promise<number> {
  return forEachVm(context, {
    names,
    signal,
    act: (client, name, onEvent) =>
      client.progress(routes.vmDelete, { params: { name }, query: discardsChanges ? { discardChanges: "true" } : {} }, { onEvent, signal }),
    shown: ({ kept }) => ({ kept }),
    told: (name) => `${name} deleted`,
    remark: ({ kept }) => keptRemark(kept),
  });
}

async function isSure({ deps }: CliContext, names: readonly string[]): Promise<boolean> {
  if (!canAsk(deps)) throw usageError("without a terminal nobody can be asked", "banger vm delete --all --yes");
  return /^y(es)?$/i.test((await ask(deps, `delete ${names.join(", ")}? [y/N] `)) ?? "");
}
