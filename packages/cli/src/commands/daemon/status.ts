import { createClient } from "@banger/api";
import { command, jsonFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { pingDaemon } from "../../daemon/connect.ts";
import { EXIT } from "../../exit-codes.ts";
import { keyValues } from "../../output/table.ts";
import { formatAge } from "../../output/times.ts";

export const status = command({
  brief: "Show the daemon",
  description:
    "Shows the daemon that commands talk to. It is started on demand, and leaves when idle and no VM runs. Exits 1 when none runs.",
  usage: ["[--json]"],
  examples: [["banger daemon status", "is there one, which version, where"]],
  parameters: { flags: { json: jsonFlag } },
  async run({ deps, output, paths, socket }: CliContext, _flags: { readonly json?: boolean }) {
    const info = await pingDaemon(createClient(socket.path));
    if (output.isJson) {
      await output.json(info === undefined ? { running: false, socket: socket.path, logFile: paths.logFile } : { running: true, ...info });
    } else if (info === undefined) {
      await output.result("not running: the next command starts it");
    } else {
      await output.result(
        keyValues([
          ["status", `running for ${formatAge(info.startedAt, deps.now())}`],
          ["version", info.build === undefined ? info.version : `${info.version}+${info.build}`],
          ["mode", info.mode],
          ["pid", String(info.pid)],
          ["vms", `${info.vms}, ${info.runningVms} running`],
          ["socket", info.socket],
          ["state", info.stateDir],
          ["log", info.logFile],
        ]),
      );
    }
    return info === undefined ? EXIT.failure : EXIT.ok;
  },
});
