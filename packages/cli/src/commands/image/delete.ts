import { routes } from "@banger/api";
import { command, jsonFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { oneImage } from "../../flags.ts";

export const deleteImage = command({
  brief: "Delete an image that no VM uses",
  description: "Deletes an image from this host; it can be pulled again. VMs keep what they boot from: one that is used is refused.",
  usage: ["NAME [--json]"],
  examples: [["banger image delete debian-bookworm", "frees its space"]],
  parameters: { flags: { json: jsonFlag }, positional: oneImage },
  async run({ connect, output }: CliContext, _flags: { readonly json?: boolean }, name: string) {
    const client = await connect();
    await client.call(routes.imageDelete, { params: { name } });
    if (output.isJson) await output.json({ name, deleted: true });
    else if (!output.isQuiet) await output.result(`${name} deleted`);
  },
});
