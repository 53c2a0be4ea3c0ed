// The tree of commands.
import { buildRouteMap } from "@stricli/core";
import type { CommandHost } from "../command.ts";
import { status as daemonStatus } from "./daemon/status.ts";
import { deleteVms } from "./vm/delete.ts";
import { exec } from "./vm/exec.ts";
import { list } from "./vm/list.ts";
import { run } from "./vm/run.ts";

const vm = buildRouteMap<string, CommandHost>({
  routes: { run, list, exec, delete: deleteVms },
  aliases: { ls: "list", ps: "list", rm: "delete" },
  docs: { brief: "Make, enter, look at and delete VMs" },
});

const daemon = buildRouteMap<string, CommandHost>({
  routes: { status: daemonStatus },
  docs: { brief: "Look after the daemon" },
});

export const root = buildRouteMap<string, CommandHost>({
  routes: { vm, daemon },
  docs: { brief: "Throw-away Linux machines with one command" },
});
