import { formatSize, routes } from "@banger/api";
import { command, jsonFlag, switchFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { optionalImage } from "../../flags.ts";
import { interruptible } from "../../interrupt.ts";
import { createProgress, wayOf } from "../../output/progress.ts";

interface Flags {
  readonly force?: boolean;
  readonly json?: boolean;
}

export const pull = command({
  brief: "Bring an image here",
  description: `Downloads or builds an image, so that the first VM on it boots at once; without NAME the image that VMs get by
default. One that is older than its recipe is built anew; VMs on the old one keep it. Two at once share the work; Ctrl-C
ends yours.`,
  usage: ["[NAME] [--force]"],
  examples: [["banger image pull", "once, before the first VM"]],
  parameters: { flags: { force: switchFlag("Although it is here"), json: jsonFlag }, aliases: { f: "force" }, positional: optionalImage },
  async run(context: CliContext, flags: Flags, named?: string) {
    const { connect, output, deps } = context;
    let name = named;
    let isHere = false;
    const image = await interruptible(deps, {
      async work(signal) {
        const client = await connect({ signal });
        name ??= (await client.call(routes.defaults, {})).image.value;
        const { digest, origin, outdated } = await client.call(routes.imageShow, { params: { name } });
        isHere = digest !== null;
        if (outdated) output.note(`image ${name} is older than its recipe: ${wayOf(origin)}`);
        using progress = await createProgress(context);
        const onEvent = progress.sink();
        // The first stage may take minutes before it says a word.
        if (!isHere) onEvent({ type: "image.missing", image: name, origin });
        return await client.progress(
          routes.imagePull,
          { params: { name }, query: flags.force === true ? { force: "true" } : {} },
          { signal, onEvent },
        );
      },
      undone: () => Promise.resolve(`cancelled: ${name ?? "the image"} is ${isHere ? "as it was" : "not here"}`),
    });
    if (output.isJson) await output.json(image);
    else await output.result(`${image.name} ${image.status}${image.sizeBytes === null ? "" : `  ${formatSize(image.sizeBytes)}`}`);
  },
});
