import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BangerError, formatSize } from "@banger/api";
import { command } from "../../../command.ts";
import { usageError, type CliContext } from "../../../context.ts";
import { oneVm } from "../../../flags.ts";
import type { GuestChanges } from "../../../workspaces/guest-changes.ts";
import { includeIgnoredFlag } from "../../../workspaces/flags.ts";
import { writeAll } from "../../../output/output.ts";
import { shellLine } from "../../../ssh/argv.ts";
import { tallied, type PatchTally } from "../../../workspaces/patch-tally.ts";

interface Flags {
  readonly output?: string;
  readonly baseCommit?: string;
  readonly includeIgnored?: readonly string[];
}

export const exportWorkspace = command({
  brief: "Write what a guest changed as one patch",
  description: `Writes a patch of everything that changed in the VM's workspace since it was copied: edits, new files,
deletions, modes, links, and what was committed in the guest. Ignored files stay out, but for --include-ignored. git
apply takes it, binary files included; nothing in the guest or in your repository is touched. Of a VM that is stopped
or gone it is what was kept.`,
  usage: ["NAME [--output FILE] [--base-commit COMMIT] [--include-ignored PATTERN]…"],
  examples: [
    ["banger vm workspace export api --output api.patch", "to a file"],
    ["banger vm workspace export api | git apply", "into the work tree at once"],
    ["banger vm workspace export api --include-ignored 'dist/' -o dist.patch", "with what was built"],
    ["banger vm workspace export api --base-commit main", "all that sets it apart from a commit of yours"],
  ],
  parameters: {
    flags: {
      output: { kind: "parsed", parse: String, optional: true, brief: "File to write; stdout without it", placeholder: "FILE" },
      baseCommit: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Compare with this commit of your repository",
        placeholder: "COMMIT",
      },
      includeIgnored: includeIgnoredFlag,
    },
    aliases: { o: "output" },
    positional: oneVm,
  },
  async run(context: CliContext, flags: Flags, name: string) {
    const isToStdout = flags.output === undefined || flags.output === "-";
    if (isToStdout && context.deps.isTerminal.stdout)
      throw usageError("a patch is no text for a terminal", `banger vm workspace diff ${name}, or --output FILE`);
    const { guestChanges } = await import("../../../workspaces/guest-changes.ts");
    const found = await guestChanges(context, { vmName: name, baseCommit: flags.baseCommit, includeIgnored: flags.includeIgnored });
    if (isToStdout || flags.output === undefined) {
      for await (const chunk of found.patch()) await writeAll(context.deps.stdout, chunk);
    } else {
      const tally = { files: 0, bytes: 0 };
      await writeWhole(flags.output, tallied(found.patch(), tally));
      if (tally.files > 0) context.output.note(written(found, flags.output, tally));
    }
    const count = found.changes.changed.length;
    if (count === 0 && flags.baseCommit === undefined) context.output.note(`nothing has changed in ${name}:${found.record.guestPath}`);
  },
});

/** `3 files of api in api.patch, 4.1 KiB.  take them: git -C /home/dev/api apply /tmp/api.patch`. */
function written({ vm, record }: Pick<GuestChanges, "vm" | "record">, path: string, { files, bytes }: PatchTally): string {
  const [count, them] = files === 1 ? ["1 file", "it"] : [`${files} files`, "them"];
  const take = shellLine(["git", "-C", record.top, "apply", resolve(path)]);
  return `${count} of ${vm.name} in ${path}, ${formatSize(bytes)}.  take ${them}: ${take}`;
}

/** The file has all of it or is as it was. */
async function writeWhole(path: string, patch: AsyncGenerator<Buffer>): Promise<void> {
  const unfinished = `${path}.${process.pid}.new`;
  try {
    await pipeline(Readable.from(patch), createWriteStream(unfinished));
    await rename(unfinished, path);
  } catch (cause) {
    await rm(unfinished, { force: true });
    if (cause instanceof BangerError) throw cause;
    throw new BangerError("workspace.bad_request", `${path} cannot be written: ${(cause as Error).message}`, { cause });
  }
}
