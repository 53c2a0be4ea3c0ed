import { formatSize, routes } from "@banger/api";
import { command, jsonFlag, switchFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { oneImage } from "../../flags.ts";
import { interruptible } from "../../interrupt.ts";
import { createProgress } from "../../output/progress.ts";

interface Flags {
  readonly force?: boolean;
  readonly json?: boolean;
}

export const pull = command({
  brief: "Bring an image here",
  description: "Downloads or builds an image, so that the first VM on it boots at once. Two at once share the work; Ctrl-C ends yours.",
  usage: ["NAME [--force]"],
  examples: [["banger image pull debian-bookworm", "once, before the first VM"]],
  parameters: { flags: { force: switchFlag("Although it is here"), json: jsonFlag }, aliases: { f: "force" }, positional: oneImage },
  async run(context: CliContext, flags: Flags, name: string) {
    const { connect, output, deps } = context;
    const image = await interruptible(deps, {
      async work(signal) {
        const client = await connect({ signal });
        using progress = await createProgress(context);
        return await client.progress(
          routes.imagePull,
          { params: { name }, query: flags.force === true ? { force: "true" } : {} },
          { signal, onEvent: progress.sink() },
        );
      },
      undone: () => Promise.resolve(`cancelled: ${name} is not here`),
    });
    if (output.isJson) await output.json(image);
    else await output.result(`${image.name} ${image.status}${image.sizeBytes === null ? "" : `  ${formatSize(image.sizeBytes)}`}`);
  },
});
