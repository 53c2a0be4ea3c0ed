import { formatSize } from "@banger/api";
import { withNameSource } from "../../config/image-name.ts";
import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";

export const image: Check<DoctorDeps> = {
  id: "image",
  about: "The default image: without it the first VM waits for it to be built.",
  async run({ defaultImage, images }) {
    const name = await defaultImage();
    const ready = await withNameSource({ source: "config" }, images.find(name));
    if (ready === undefined)
      return {
        status: "warning",
        summary: `${name} is not here yet: the first VM builds it (two to three minutes)`,
        fix: `banger image pull ${name}`,
      };
    const { sizeBytes, outdated } = await images.show(name);
    if (outdated) return { status: "warning", summary: `${name} is older than its recipe`, fix: `banger image pull ${name}` };
    const size = sizeBytes === null ? "" : `, ${formatSize(sizeBytes)}`;
    return { status: "ok", summary: `${name}${size}, kernel ${ready.kernelRelease}` };
  },
};
