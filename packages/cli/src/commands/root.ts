// The tree of commands.
import { buildRouteMap } from "@stricli/core";
import type { CommandHost } from "../command.ts";
import { complete } from "./complete.ts";
import { completion } from "./completion.ts";
import { logs as daemonLogs } from "./daemon/logs.ts";
import { status as daemonStatus } from "./daemon/status.ts";
import { stop as daemonStop } from "./daemon/stop.ts";
import { doctor } from "./doctor.ts";
import { deleteImage } from "./image/delete.ts";
import { list as imageList } from "./image/list.ts";
import { pull } from "./image/pull.ts";
import { show as imageShow } from "./image/show.ts";
import { version } from "./version.ts";
import { cp } from "./vm/cp.ts";
import { create } from "./vm/create.ts";
import { deleteVms } from "./vm/delete.ts";
import { dial } from "./vm/dial.ts";
import { exec } from "./vm/exec.ts";
import { forward } from "./vm/forward.ts";
import { kill } from "./vm/kill.ts";
import { list } from "./vm/list.ts";
import { logs } from "./vm/logs.ts";
import { restart } from "./vm/restart.ts";
import { run } from "./vm/run.ts";
import { show } from "./vm/show.ts";
import { ssh } from "./vm/ssh.ts";
import { start } from "./vm/start.ts";
import { stop } from "./vm/stop.ts";
import { diff } from "./vm/workspace/diff.ts";
import { exportWorkspace } from "./vm/workspace/export.ts";
import { pullChanges } from "./vm/workspace/pull.ts";

const workspace = buildRouteMap<string, CommandHost>({
  routes: { pull: pullChanges, diff, export: exportWorkspace },
  docs: { brief: "Bring repositories up to date with guests, and guests' changes back" },
});

const vm = buildRouteMap<string, CommandHost>({
  routes: { run, create, list, show, ssh, exec, cp, logs, forward, start, stop, restart, kill, delete: deleteVms, workspace, dial },
  aliases: { ls: "list", ps: "list", rm: "delete" },
  docs: { brief: "Make, enter, look at and delete VMs", hideRoute: { dial: true } },
});

const image = buildRouteMap<string, CommandHost>({
  routes: { list: imageList, show: imageShow, pull, delete: deleteImage },
  aliases: { ls: "list", rm: "delete" },
  docs: { brief: "Look after what VMs boot from" },
});

const daemon = buildRouteMap<string, CommandHost>({
  routes: { status: daemonStatus, stop: daemonStop, logs: daemonLogs },
  docs: { brief: "Look after the daemon" },
});

export const root = buildRouteMap<string, CommandHost>({
  routes: { vm, image, daemon, doctor, version, completion, __complete: complete },
  docs: { brief: "Throw-away Linux machines with one command", hideRoute: { __complete: true } },
});
