import { createClient, type DaemonInfo } from "@banger/api";
import { command, jsonFlag } from "../command.ts";
import type { CliContext } from "../context.ts";
import { pingDaemon } from "../daemon/connect.ts";
import { keyValues } from "../output/table.ts";
import { VERSION } from "../version.ts";

export const version = command({
  brief: "Show the version of banger and of its daemon",
  description: "Shows the version of this banger and of the daemon, when one runs.",
  usage: ["[--json]"],
  examples: [["banger version", "both must be the same"]],
  parameters: { flags: { json: jsonFlag } },
  async run({ output, socket }: CliContext, _flags: { readonly json?: boolean }) {
    const daemon = await daemonVersion(socket.path);
    if (output.isJson) await output.json({ banger: VERSION, daemon: daemon ?? null });
    else
      await output.result(
        keyValues([
          ["banger", VERSION],
          ["daemon", daemon ?? "not running"],
        ]),
      );
  },
});

/** Undefined without a daemon; `unknown` of one that speaks another API. */
async function daemonVersion(socketPath: string): Promise<DaemonInfo["version"] | undefined> {
  return pingDaemon(createClient(socketPath)).then(
    (info) => info?.version,
    () => "unknown",
  );
}
