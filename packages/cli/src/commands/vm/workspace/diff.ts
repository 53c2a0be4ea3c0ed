import { once } from "node:events";
import { command, switchFlag } from "../../../command.ts";
import type { CliContext } from "../../../context.ts";
import { oneVm } from "../../../flags.ts";
import { includeIgnoredFlag } from "../../../workspaces/flags.ts";
import { writeAll } from "../../../output/output.ts";

interface Flags {
  readonly stat?: boolean;
  readonly baseCommit?: string;
  readonly includeIgnored?: readonly string[];
}

export const diff = command({
  brief: "Show what a guest changed",
  description: "Shows what changed in the VM's workspace since it was copied, as git diff would: in colours and a pager on a terminal.",
  usage: ["NAME [--stat] [--base-commit COMMIT] [--include-ignored PATTERN]…"],
  examples: [
    ["banger vm workspace diff api", "line by line"],
    ["banger vm workspace diff api --stat", "which files, and how much"],
  ],
  parameters: {
    flags: {
      stat: switchFlag("Sum up each file instead"),
      baseCommit: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Compare with this commit of your repository",
        placeholder: "COMMIT",
      },
      includeIgnored: includeIgnoredFlag,
    },
    positional: oneVm,
  },
  async run(context: CliContext, flags: Flags, name: string) {
    const { guestChanges } = await import("../../../workspaces/guest-changes.ts");
    const { deps } = context;
    const isTerminal = deps.isTerminal.stdout;
    const found = await guestChanges(context, { vmName: name, baseCommit: flags.baseCommit, includeIgnored: flags.includeIgnored });
    const isColoured = isTerminal && (deps.env["NO_COLOR"] ?? "") === "" && deps.env["TERM"] !== "dumb";
    const options = { format: flags.stat === true ? "stat" : "patch", width: deps.stdout.columns } as const;
    if (isTerminal) return await page(context, (hasPager) => found.patch({ ...options, isColoured: isColoured && hasPager }));
    for await (const chunk of found.patch(options)) await writeAll(deps.stdout, chunk);
  },
});

/** What the guest wrote is text for a pager, which shows controls instead of obeying them; only colours pass. */
async function page({ deps }: CliContext, make: (hasPager: boolean) => AsyncGenerator<Buffer>): Promise<void> {
  const env = { ...deps.env, LESS: "FRX", LESSSECURE: "1" };
  const pager = deps.childProcess.spawn("less", [], { stdio: ["pipe", "inherit", "inherit"], env });
  // Without a process there is no pager on this host.
  if (pager.pid === undefined) {
    pager.once("error", () => undefined);
    for await (const chunk of make(false)) await writeAll(deps.stdout, withoutControls(chunk));
    return;
  }
  const ended = new Promise<boolean>((resolve) => {
    pager.once("error", () => resolve(false));
    pager.once("exit", () => resolve(true));
  });
  pager.stdin.on("error", () => undefined);
  for await (const chunk of make(true)) {
    if (pager.exitCode !== null || pager.stdin.destroyed) break;
    if (!pager.stdin.write(chunk)) await Promise.race([once(pager.stdin, "drain"), ended]);
  }
  pager.stdin.end();
  await ended;
}

const [TAB, NEWLINE, SPACE, DELETE] = [0x09, 0x0a, 0x20, 0x7f];

function withoutControls(chunk: Buffer): Buffer {
  return chunk.map((byte) => ((byte < SPACE && byte !== TAB && byte !== NEWLINE) || byte === DELETE ? 0x3f : byte)) as Buffer;
}
