import { formatSize, routes, type Image } from "@banger/api";
import { command, jsonFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { table } from "../../output/table.ts";

export const list = command({
  brief: "List the images",
  description: `Lists images that are here (ready), are being made (building), or can be pulled (available). One that is outdated is
older than its recipe: VMs can be made from it all the same, a pull builds it anew.`,
  usage: ["[--json]"],
  examples: [["banger image list", "what a VM can boot from"]],
  parameters: { flags: { json: jsonFlag } },
  async run({ read, output }: CliContext, _flags: { readonly json?: boolean }) {
    const images = await read(routes.imageList, {});
    if (output.isJson) await output.json(images);
    else if (images.length > 0) await output.result(table(["NAME", "STATUS", "SIZE", "ARCH", "KERNEL", "USED BY"], images.map(row)));
    else output.note("no images");
  },
});

function row(image: Image): string[] {
  return [
    image.name,
    image.outdated ? `${image.status} (outdated)` : image.status,
    image.sizeBytes === null ? "-" : formatSize(image.sizeBytes),
    image.arch,
    image.kernel ?? "-",
    image.usedBy.length === 0 ? "-" : image.usedBy.join(", "),
  ];
}
