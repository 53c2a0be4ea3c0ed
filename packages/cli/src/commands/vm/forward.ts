import { formatPortMapping, routes, type PortMapping } from "@banger/api";
import { command, jsonFlag, switchFlag } from "../../command.ts";
import { usageError, type CliContext } from "../../context.ts";
import { oneVm, parsePublish } from "../../flags.ts";

interface Flags {
  readonly remove?: boolean;
  readonly json?: boolean;
}

export const forward = command({
  brief: "Reach a port of a VM on the host",
  description: `Publishes a port of the guest on the host, on 127.0.0.1 unless an address is given; host port 0 takes a free one. It
lasts until it is removed or the VM is deleted. Without a port, lists what is published.`,
  usage: ["NAME [ADDR:]HOST:GUEST", "NAME [ADDR:]HOST:GUEST --remove", "NAME"],
  examples: [
    ["banger vm forward api 8080:80", "http://127.0.0.1:8080 is the guest's port 80"],
    ["banger vm forward api 8080:80 --remove", "no longer"],
  ],
  parameters: {
    flags: { remove: switchFlag("Stop publishing it"), json: jsonFlag },
    positional: {
      kind: "tuple",
      parameters: [
        oneVm.parameters[0],
        { parse: parsePublish, optional: true, brief: "Port on the host and in the guest", placeholder: "[ADDR:]HOST:GUEST" },
      ],
    },
  },
  check(flags: Flags, _trailing, ...[, mapping]: [name: string, mapping?: PortMapping]) {
    if (flags.remove === true && mapping === undefined) throw usageError("which port?", "banger vm forward NAME 8080:80 --remove");
  },
  async run(context: CliContext, flags: Flags, ...[name, mapping]: [name: string, mapping?: PortMapping]) {
    const client = await context.connect();
    const params = { name };
    const vm =
      mapping === undefined
        ? await client.call(routes.vmShow, { params })
        : flags.remove === true
          ? await client.call(routes.vmUnforward, { params, query: { hostAddress: mapping.hostAddress, hostPort: mapping.hostPort } })
          : await client.call(routes.vmForward, { params, body: mapping });
    if (context.output.isJson) await context.output.json(vm.forwards);
    else
      await context.output.result(
        vm.forwards.map((known) => `${formatPortMapping(known)}${known.error === undefined ? "" : ` (${known.error})`}`).join("\n"),
      );
  },
});
