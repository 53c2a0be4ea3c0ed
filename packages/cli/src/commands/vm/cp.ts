import { parseSize } from "@banger/api";
import type { CommandContext } from "@stricli/core";
import { command, switchFlag, type CommandHost } from "../../command.ts";
import { usageError, type CliContext } from "../../context.ts";
import { planCopy } from "../../copying/places.ts";

interface Flags {
  readonly followLink?: boolean;
  readonly maxSize?: number;
  readonly recursive?: boolean;
}

export const cp = command({
  brief: "Copy files into a VM or out of it",
  description: `Copies files and directories between this machine and a running VM. A path in a VM is written NAME:PATH, from
root's home unless it is absolute. As with cp -r: into DEST when that is a directory, else as DEST, whose parent must
exist; several go into a directory; DIR/. means what is in DIR. A directory that is there is filled up, a file or
symlink replaced; each has its name only once it is whole.

Symlinks stay symlinks. Modes and times are kept; setuid, setgid and sticky bits are not. Files arrive as root's in the
guest and as yours here. Sockets, devices and fifos are left out. With - a tar is read from stdin, with its owners, or
written to stdout.

A guest is not trusted: what it sends never leaves DEST, not through a symlink either; hard links, devices, more than a
million entries and more bytes than its disk and image hold are refused.`,
  usage: ["SOURCE… NAME:DEST", "NAME:SOURCE… DEST", "NAME:SOURCE -", "- NAME:DIR"],
  examples: [
    ["banger vm cp build.log api:/tmp", "a file into a directory of the guest"],
    ["banger vm cp api:/etc/nginx .", "a directory out of it"],
    ["banger vm cp src/. api:/srv/app", "what is in src, into /srv/app"],
    ["banger vm cp api:/etc - | tar t", "a tar on stdout"],
    ["tar c . | banger vm cp - api:/srv", "a tar from stdin"],
  ],
  parameters: {
    flags: {
      followLink: switchFlag("Copy what a SOURCE that is a symlink leads to"),
      maxSize: {
        kind: "parsed",
        parse: (text: string) => parseSize(text, "size", "cli.usage"),
        optional: true,
        brief: "Most to take out of a VM, as 200G",
        placeholder: "SIZE",
      },
      recursive: switchFlag("Taken for habit: directories are copied whole"),
    },
    aliases: { L: "followLink", r: "recursive" },
    positional: {
      kind: "array",
      minimum: 2,
      parameter: { parse: String, brief: "Paths; the last is where to", placeholder: "PATH", proposeCompletions },
    },
  },
  check(_flags: Flags, _trailing, ...paths: string[]) {
    planCopy(paths);
  },
  async run(context: CliContext, flags: Flags, ...paths: string[]) {
    const plan = planCopy(paths);
    const followsLinks = flags.followLink === true;
    if (plan.kind === "tar-out" && context.deps.isTerminal.stdout)
      throw usageError("a tar is nothing for a terminal", `banger vm cp ${plan.from.vm}:${plan.from.path} - | tar t`);
    if (plan.kind === "tar-in" && context.deps.isTerminal.stdin)
      throw usageError("- reads a tar from stdin, which is a terminal", `tar c . | banger vm cp - ${plan.to.vm}:${plan.to.path}`);
    switch (plan.kind) {
      case "in":
      case "tar-in": {
        const { copyIntoGuest, copyTarIntoGuest } = await import("../../copying/into-guest.ts");
        return plan.kind === "in" ? await copyIntoGuest(context, { ...plan, followsLinks }) : await copyTarIntoGuest(context, plan.to);
      }
      case "out":
      case "tar-out": {
        const { copyOut, copyOutAsTar } = await import("../../copying/out-of-guest.ts");
        if (plan.kind === "out") return await copyOut(context, { ...plan, followsLinks, maxSize: flags.maxSize });
        return await copyOutAsTar(context, plan.from, followsLinks);
      }
    }
  },
});

/** `NAME:`, as far as a VM is meant; shells complete paths of this machine by themselves. */
async function proposeCompletions(this: CommandContext, partial: string): Promise<readonly string[]> {
  if (!("vmNames" in this) || /[:/]/.test(partial)) return [];
  return (await (this as CommandHost).vmNames(partial)).map((name) => `${name}:`);
}
