import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";

export const config: Check<DoctorDeps> = {
  id: "config",
  about: "config.toml: a line that cannot be read stops every command that makes or starts a VM.",
  async run({ config: read }) {
    await read();
    return { status: "ok", summary: "config.toml is in order, or not there" };
  },
};
