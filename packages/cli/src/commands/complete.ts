import { createClient, routes } from "@banger/api";
import { command } from "../command.ts";
import type { CliContext } from "../context.ts";

export const complete = command({
  brief: "Words that may come next",
  description: "Prints what may stand in place of the last word; completion scripts call it.",
  usage: ["-- WORD…"],
  examples: [],
  trailing: "required",
  parameters: {},
  async run(context: CliContext) {
    const words = context.trailing ?? [];
    // What follows -- is the guest's.
    if (words.slice(0, -1).includes("--")) return;
    const proposals = await context.complete(words, (partial) => vmNames(context, partial));
    // Flags are offered to who asks for them.
    const wantsFlags = words.at(-1)?.startsWith("-") === true;
    const offered = proposals.filter((word) => wantsFlags || !word.startsWith("-"));
    await context.output.result(offered.join("\n"));
  },
});

/** Completing a word starts no daemon and tells no error. */
async function vmNames({ socket }: CliContext, partial: string): Promise<readonly string[]> {
  const vms = await createClient(socket.path)
    .call(routes.vmList, {})
    .catch(() => []);
  return vms.map(({ name }) => name).filter((name) => name.startsWith(partial));
}
