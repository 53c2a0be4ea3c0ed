// The tree of commands. A command's module is loaded when the command line names it: all of them take longer to load than most
// commands run.
import { buildRouteMap, type Command, type RouteMap } from "@stricli/core";
import type { CommandHost } from "../command.ts";

type Verb = () => Promise<Command<CommandHost>>;

interface Noun {
  readonly brief: string;
  readonly below: Readonly<Record<string, Verb | Noun>>;
  readonly aliases?: Readonly<Record<string, string>>;
  /** Left out of help. */
  readonly hidden?: readonly string[];
}

const workspace: Noun = {
  brief: "Bring repositories up to date with guests, and guests' changes back",
  below: {
    list: async () => (await import("./vm/workspace/list.ts")).list,
    prepare: async () => (await import("./vm/workspace/prepare.ts")).prepare,
    pull: async () => (await import("./vm/workspace/pull.ts")).pullChanges,
    diff: async () => (await import("./vm/workspace/diff.ts")).diff,
    export: async () => (await import("./vm/workspace/export.ts")).exportWorkspace,
    prune: async () => (await import("./vm/workspace/prune.ts")).prune,
  },
};

const vm: Noun = {
  brief: "Make, enter, look at and delete VMs",
  below: {
    run: async () => (await import("./vm/run.ts")).run,
    create: async () => (await import("./vm/create.ts")).create,
    list: async () => (await import("./vm/list.ts")).list,
    show: async () => (await import("./vm/show.ts")).show,
    ssh: async () => (await import("./vm/ssh.ts")).ssh,
    exec: async () => (await import("./vm/exec.ts")).exec,
    cp: async () => (await import("./vm/cp.ts")).cp,
    logs: async () => (await import("./vm/logs.ts")).logs,
    forward: async () => (await import("./vm/forward.ts")).forward,
    start: async () => (await import("./vm/start.ts")).start,
    stop: async () => (await import("./vm/stop.ts")).stop,
    restart: async () => (await import("./vm/restart.ts")).restart,
    kill: async () => (await import("./vm/kill.ts")).kill,
    delete: async () => (await import("./vm/delete.ts")).deleteVms,
    workspace,
    dial: async () => (await import("./vm/dial.ts")).dial,
  },
  aliases: { ls: "list", ps: "list", rm: "delete" },
  hidden: ["dial"],
};

const image: Noun = {
  brief: "Look after what VMs boot from",
  below: {
    list: async () => (await import("./image/list.ts")).list,
    show: async () => (await import("./image/show.ts")).show,
    pull: async () => (await import("./image/pull.ts")).pull,
    delete: async () => (await import("./image/delete.ts")).deleteImage,
  },
  aliases: { ls: "list", rm: "delete" },
};

const daemon: Noun = {
  brief: "Look after the daemon",
  below: {
    status: async () => (await import("./daemon/status.ts")).status,
    stop: async () => (await import("./daemon/stop.ts")).stop,
    logs: async () => (await import("./daemon/logs.ts")).logs,
  },
};

const config: Noun = {
  brief: "Look at the settings",
  below: { show: async () => (await import("./config/show.ts")).show },
};

const banger: Noun = {
  brief: "Throw-away Linux machines with one command",
  below: {
    vm,
    image,
    daemon,
    config,
    doctor: async () => (await import("./doctor.ts")).doctor,
    version: async () => (await import("./version.ts")).version,
    completion: async () => (await import("./completion.ts")).completion,
    __complete: async () => (await import("./complete.ts")).complete,
  },
  hidden: ["__complete"],
};

/** The commands that `words`, a command line, may mean: one, where they begin with its exact name; all without any. */
export function loadRoot(words: readonly string[]): Promise<RouteMap<CommandHost>> {
  return load(banger, words);
}

async function load(
  { brief, below, aliases = {}, hidden = [] }: Noun,
  [word = "", ...rest]: readonly string[],
): Promise<RouteMap<CommandHost>> {
  const name = Object.hasOwn(aliases, word) ? (aliases[word] ?? word) : word;
  const isNamed = Object.hasOwn(below, name);
  const meant = Object.entries(below).filter(([each]) => !isNamed || each === name);
  const loading = meant.map(
    async ([each, target]) => [each, await (typeof target === "function" ? target() : load(target, rest))] as const,
  );
  const routes = Object.fromEntries(await Promise.all(loading));
  const present = (each: string) => Object.hasOwn(routes, each);
  return buildRouteMap<string, CommandHost>({
    routes,
    aliases: Object.fromEntries(Object.entries(aliases).filter(([, target]) => present(target))),
    docs: { brief, hideRoute: Object.fromEntries(hidden.filter(present).map((each) => [each, true])) },
  });
}
