import { command, switchFlag } from "../../command.ts";
import { usageError, type CliContext } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { oneVm } from "../../flags.ts";
import { showToolingLog } from "../../tooling/install.ts";
import { LOG_SOURCES, showLogs, type LogSource } from "../../vms/logs.ts";

interface Flags {
  readonly follow?: boolean;
  readonly source?: LogSource;
  readonly tooling?: boolean;
}

export const logs = command({
  brief: "Show the logs of a VM",
  description: "Shows what the guest's console, its VMM and its agent wrote, each under a header; with --source one of them alone.",
  usage: ["NAME [-f] [--source console|vmm|agent]", "NAME [-f] --tooling"],
  examples: [
    ["banger vm logs api", "all there is, as when a boot failed"],
    ["banger vm logs api -f --source console", "the console, as it is written"],
  ],
  parameters: {
    flags: {
      follow: switchFlag("Go on with what is written next"),
      tooling: switchFlag("What installing the tools of its workspace wrote; the VM must run"),
      source: { kind: "enum", values: LOG_SOURCES, optional: true, brief: "One log alone" },
    },
    aliases: { f: "follow" },
    positional: oneVm,
  },
  check(flags: Flags) {
    if (flags.tooling === true && flags.source !== undefined) throw usageError("--tooling and --source exclude each other");
  },
  async run(context: CliContext, flags: Flags, name: string) {
    const client = await context.connect();
    if (flags.tooling === true) return await showToolingLog(context, { client, vmName: name, isFollowing: flags.follow === true });
    const sources = flags.source === undefined ? LOG_SOURCES : [flags.source];
    await showLogs(context, { client, vmName: name, sources, isFollowing: flags.follow === true });
    return EXIT.ok;
  },
});
