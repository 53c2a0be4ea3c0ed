import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";
import { readIfThere } from "../read-if-there.ts";
import { freeRange, largestRange, parseIdRanges } from "../subordinate-ids.ts";

/** An image's files have owners from 0 to 65535. */
const NEEDED = 65_536;

export const subuids: Check<DoctorDeps> = {
  id: "subuids",
  about: "Images are built in a user namespace, which needs a range of subordinate ids for the files' owners.",
  async run({ user, vmUser, files }) {
    const builder = (await vmUser()) ?? user;
    const [uids, gids] = await Promise.all(
      [files.subuid, files.subgid].map(async (path) => parseIdRanges((await readIfThere(path)) ?? "")),
    );
    const lacking = [
      ...(largestRange(uids ?? [], builder) < NEEDED ? [files.subuid] : []),
      ...(largestRange(gids ?? [], builder) < NEEDED ? [files.subgid] : []),
    ];
    if (lacking.length === 0) return { status: "ok", summary: `${builder.name} has ${NEEDED} or more` };
    const range = freeRange([...(uids ?? []), ...(gids ?? [])], NEEDED);
    return {
      status: "failed",
      summary: `no range of ${NEEDED} for ${builder.name} in ${lacking.join(" and ")}: images cannot be built unprivileged`,
      fix: `sudo usermod --add-subuids ${range} --add-subgids ${range} ${builder.name}`,
    };
  },
};
