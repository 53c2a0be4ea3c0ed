import { once } from "node:events";
import { routes } from "@banger/api";
import { command } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { oneVm } from "../../flags.ts";
import { writeAll } from "../../output/output.ts";

export const dial = command({
  brief: "Bridge stdin and stdout to an address in a VM",
  description: `Connects stdin and stdout to an address inside the guest; ssh is run over it. End of file on stdin closes that
direction only; it ends when the guest closes.`,
  usage: ["NAME HOST:PORT|/SOCKET"],
  examples: [["banger vm dial api 127.0.0.1:22", "as ProxyCommand of your own ssh"]],
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [oneVm.parameters[0], { parse: String, brief: "Address inside the guest", placeholder: "ADDRESS" }],
    },
  },
  async run(context: CliContext, _flags: object, ...[name, address]: [name: string, address: string]) {
    const { stdin, stdout } = context.deps;
    const client = await context.connect();
    const socket = await client.upgrade(routes.vmDial, {
      params: { name },
      query: { network: address.startsWith("/") ? "unix" : "tcp", address },
    });
    stdin.pipe(socket);
    stdin.once("error", () => socket.end());
    try {
      for await (const chunk of socket) await writeAll(stdout, chunk as Buffer);
    } finally {
      socket.destroy();
      stdin.pause();
    }
    if (stdout.writableNeedDrain) await once(stdout, "drain");
  },
});
