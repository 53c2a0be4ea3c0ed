import { halfCloseFixed, repeatsHalfClosed } from "../../network/pasta-version.ts";
import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";

export const pasta: Check<DoctorDeps> = {
  id: "pasta",
  about: "pasta carries guests' connections to the outside. Releases before 2025-03-20 repeat data on half-closed TCP connections.",
  async run({ pastaVersion }) {
    const version = await pastaVersion();
    if (version === null) return { status: "skipped", summary: "not installed" };
    const { released } = version;
    if (!repeatsHalfClosed(version))
      return { status: "ok", summary: released === null ? "of a version it does not tell" : `of ${released}` };
    return {
      status: "warning",
      summary: `${released === null ? "from before 2024-11" : `of ${released}`}: a guest that ends its side of a TCP connection and reads on gets data twice, and uploads with BBR can stall`,
      fix: `upgrade passt to a release of ${halfCloseFixed} or later, as Debian 13 has; from source: https://passt.top`,
      details: { released },
    };
  },
};
