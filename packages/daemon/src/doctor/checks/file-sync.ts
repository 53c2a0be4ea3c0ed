import { formatSize } from "@banger/api";
import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";

export const fileSync: Check<DoctorDeps> = {
  id: "file-sync",
  about: "What every new VM gets of your files: a path that is missing, or leads out of your home, is left out.",
  async run({ fileSync: files }) {
    const { files: count, bytes, leftOut } = await files.look();
    const what = count === 0 ? "no files" : `${count} ${count === 1 ? "file" : "files"}, ${formatSize(bytes)}`;
    if (leftOut.length === 0) return { status: "ok", summary: `a new VM gets ${what} of yours` };
    return {
      status: "warning",
      summary: `a new VM gets ${what} of yours, not ${leftOut.join("; ")}`,
      fix: "put it there, or take it out of [[file_sync]] in config.toml",
    };
  },
};
