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
  description: `Publishes a port of the guest on the host, on 127.0.0.1 unless an address is given; host port 0 takes a free one.
Prints it as host→guest and returns at once; the port stays published, whenever the VM runs, until it is removed or
the VM is deleted. Without a port, lists what is published.`,
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
  async run({ connect, output }: CliContext, flags: Flags, ...[name, mapping]: [name: string, mapping?: PortMapping]) {
    const client = await connect();
    const params = { name };
    if (mapping === undefined) {
      const { forwards } = await client.call(routes.vmShow, { params });
      const lines = forwards.map((known) => `${formatPortMapping(known)}${known.error === undefined ? "" : ` (${known.error})`}`);
      if (output.isJson) await output.json(forwards);
      else if (lines.length > 0) await output.result(lines.join("\n"));
      else output.note(`${name} publishes no port.  publish one: banger vm forward ${name} 8080:80`);
    } else if (flags.remove === true) {
      const { hostAddress, hostPort } = mapping;
      const { forwards } = await client.call(routes.vmUnforward, { params, query: { hostAddress, hostPort } });
      if (output.isJson) await output.json(forwards);
    } else {
      const made = await client.call(routes.vmForward, { params, body: mapping });
      await (output.isJson ? output.json(made) : output.result(formatPortMapping(made)));
      const { status } = await client.call(routes.vmShow, { params });
      if (status !== "running") output.note(`${name} is ${status}: the port is published at its next start`);
    }
  },
});
