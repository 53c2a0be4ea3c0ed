// What becomes of the changes of a `--rm` VM that has just gone. They are kept already: the question is only whether that is all.
import { BangerError, type Client, type KeptVm } from "@banger/api";
import type { CliContext } from "../context.ts";
import { ask, canAsk } from "../output/ask.ts";
import { changedFiles, countKept, discardKept, keptRemark } from "./kept-work.ts";

export interface AfterRun {
  readonly client: Client;
  readonly kept: KeptVm;
  /** Whether somebody sat at a shell in it. */
  readonly isSession: boolean;
}

export async function settleKept(context: CliContext, { client, kept, isSession }: AfterRun): Promise<void> {
  const isAsked = isSession && !context.output.isQuiet && canAsk(context.deps);
  const choice = isAsked ? await choose(context, kept) : "keep";
  if (choice === "discard") {
    await discardKept(context, client, kept);
    return context.output.note(`${changedFiles(countKept(kept))} of ${kept.name} thrown away`);
  }
  if (choice === "pull" && (await pull(context, kept))) return;
  context.output.note(keptRemark(kept) ?? "");
}

/** Whether it came; they stay kept in any case. */
async function pull(context: CliContext, { id }: KeptVm): Promise<boolean> {
  const { pullWorkspace } = await import("./pull.ts");
  try {
    await pullWorkspace(context, { vmName: id, intoWorkTree: false, branch: undefined, isDryRun: false });
    return true;
  } catch (error) {
    if (!(error instanceof BangerError)) throw error;
    context.output.error(error);
    return false;
  }
}

type Choice = "keep" | "show" | "pull" | "discard";
const CHOICES: Readonly<Record<string, Choice>> = { "": "keep", k: "keep", s: "show", p: "pull", d: "discard" };

async function choose(context: CliContext, kept: KeptVm): Promise<Exclude<Choice, "show">> {
  const question = `${changedFiles(countKept(kept))} of ${kept.name}: (k)eep, (s)how, (p)ull onto a branch, (d)iscard? [keep] `;
  for (;;) {
    const answer = await ask(context.deps, question);
    const choice = CHOICES[answer?.toLowerCase().slice(0, 1) ?? ""];
    if (choice === "show") await show(context, kept);
    else if (choice !== undefined) return choice;
  }
}

async function show(context: CliContext, { id }: KeptVm): Promise<void> {
  const { guestChanges } = await import("./guest-changes.ts");
  const { showPatch } = await import("./show-patch.ts");
  const found = await guestChanges(context, { vmName: id });
  await showPatch(context, found, { format: "patch" });
}
