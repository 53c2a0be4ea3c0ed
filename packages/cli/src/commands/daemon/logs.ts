import { createClient } from "@banger/api";
import { command, switchFlag } from "../../command.ts";
import { usageError, type CliContext } from "../../context.ts";
import { pingDaemon } from "../../daemon/connect.ts";
import { tailLog } from "../../daemon/tail-log.ts";

interface Flags {
  readonly follow?: boolean;
  readonly lines?: number;
}

export const logs = command({
  brief: "Show the daemon's log",
  description: "Shows the end of the daemon's log, whether or not it runs.",
  usage: ["[-f] [--lines N]"],
  examples: [["banger daemon logs -f", "the log, as it is written"]],
  parameters: {
    flags: {
      follow: switchFlag("Go on with what is written next"),
      lines: { kind: "parsed", parse: parseLines, optional: true, brief: "How many lines to begin with; 200 without it", placeholder: "N" },
    },
    aliases: { f: "follow", n: "lines" },
  },
  async run(context: CliContext, flags: Flags) {
    const info = await pingDaemon(createClient(context.socket.path)).catch(() => undefined);
    return tailLog(context, {
      file: info?.logFile ?? context.paths.logFile,
      lines: flags.lines ?? 200,
      isFollowing: flags.follow === true,
    });
  },
});

function parseLines(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw usageError(`${JSON.stringify(text)} is not a number of lines`);
  return Number(text);
}
