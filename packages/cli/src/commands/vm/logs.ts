import { command, switchFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { oneVm } from "../../flags.ts";
import { LOG_SOURCES, showLogs, type LogSource } from "../../vms/logs.ts";

interface Flags {
  readonly follow?: boolean;
  readonly source?: LogSource;
}

export const logs = command({
  brief: "Show the logs of a VM",
  description: "Shows what the guest's console, its VMM and its agent wrote, each under a header; with --source one of them alone.",
  usage: ["NAME [-f] [--source console|vmm|agent]"],
  examples: [
    ["banger vm logs api", "all there is, as when a boot failed"],
    ["banger vm logs api -f --source console", "the console, as it is written"],
  ],
  parameters: {
    flags: {
      follow: switchFlag("Go on with what is written next"),
      source: { kind: "enum", values: LOG_SOURCES, optional: true, brief: "One log alone" },
    },
    aliases: { f: "follow" },
    positional: oneVm,
  },
  async run(context: CliContext, flags: Flags, name: string) {
    const client = await context.connect();
    await showLogs(context, {
      client,
      vmName: name,
      sources: flags.source === undefined ? LOG_SOURCES : [flags.source],
      isFollowing: flags.follow === true,
    });
  },
});
