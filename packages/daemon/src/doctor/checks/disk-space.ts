import { formatSize, GIB } from "@banger/api";
import { freeBytesAt } from "@banger/host";
import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";

/** A VM that writes on a full host is paused, or sees I/O errors, so the warning comes early. */
const WARN_BELOW_BYTES = 10 * GIB;
/** Less does not hold an image, its build and one VM's writes. */
const FAIL_BELOW_BYTES = 3 * GIB;

export const diskSpace: Check<DoctorDeps> = {
  id: "disk-space",
  about: "Images, VMs' disks and the tree of an image being built take gigabytes.",
  async run({ directories }) {
    const places = [...new Set([directories.data, directories.scratch])];
    const measured = await Promise.all(places.map(async (path) => ({ path, freeBytes: await freeBytesAt(path) })));
    const tightest = measured.toSorted((a, b) => a.freeBytes - b.freeBytes)[0];
    if (tightest === undefined) throw new Error("no directory to measure");
    const summary = `${formatSize(tightest.freeBytes)} free for ${tightest.path}`;
    if (tightest.freeBytes >= WARN_BELOW_BYTES) return { status: "ok", summary };
    const status = tightest.freeBytes < FAIL_BELOW_BYTES ? "failed" : "warning";
    return { status, summary, fix: "banger vm list, banger image list: delete what is not needed", details: { measured } };
  },
};
