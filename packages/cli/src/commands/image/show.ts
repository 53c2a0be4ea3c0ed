import { formatSize, routes } from "@banger/api";
import { command, jsonFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { oneImage } from "../../flags.ts";
import { keyValues } from "../../output/table.ts";
import { formatAge } from "../../output/times.ts";

export const show = command({
  brief: "Show one image",
  description: "Shows an image: what it is made from, its kernel, the VMs on it.",
  usage: ["NAME [--json]"],
  examples: [["banger image show debian-bookworm", "the default image"]],
  parameters: { flags: { json: jsonFlag }, positional: oneImage },
  async run({ read, output, deps }: CliContext, _flags: { readonly json?: boolean }, name: string) {
    const image = await read(routes.imageShow, { params: { name } });
    if (output.isJson) return output.json(image);
    await output.result(
      keyValues([
        ["name", image.name],
        ["status", image.outdated ? `${image.status} (outdated: banger image pull ${image.name} builds it anew)` : image.status],
        ["digest", image.digest ?? "-"],
        ["size", image.sizeBytes === null ? "-" : formatSize(image.sizeBytes)],
        ["arch", image.arch],
        ["origin", image.origin],
        ["kernel", image.kernel ?? "-"],
        ["created", image.createdAt === null ? "-" : `${formatAge(image.createdAt, deps.now())} ago`],
        ["used by", image.usedBy.length === 0 ? "-" : image.usedBy.join(", ")],
      ]),
    );
  },
});
