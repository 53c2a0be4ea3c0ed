// A daemon with nothing but the network in it, run by the lab on its host: calls come in as JSON lines, answers go out.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { BangerError } from "@banger/api";
import type { RunAs } from "@banger/host";
import type { CheckDepth, VmNetwork } from "../contract.ts";
import { realHostView } from "../host-view.ts";
import { UserNetwork } from "../user.ts";
import type { Line } from "./lab-daemon.ts";

const config = JSON.parse(process.argv[2] ?? "") as { directory: string; upstreamConf: string; runAs: RunAs | null };
const host = realHostView();
const network = new UserNetwork({
  dataDir: config.directory,
  recordFile: join(config.directory, "network.json"),
  logFile: join(config.directory, "network.log"),
  cidr: "172.16.0.0/24",
  runAs: config.runAs,
  searchPath: process.env["PATH"] ?? "",
  host: {
    ...host,
    resolvers: async () => ({ resolvConf: (await host.resolvers()).resolvConf, upstreamConf: await readFile(config.upstreamConf, "utf8") }),
  },
  report: (fact) => say({ fact }),
  watchIntervalMs: 50,
  hostIntervalMs: 200,
});
network.onLost((lost) => say({ lost }));

for await (const text of createInterface(process.stdin)) {
  const { id, name, args } = JSON.parse(text) as { id: number; name: string; args: readonly unknown[] };
  perform(name, args).then(
    (result) => say({ id, result: result ?? null }),
    (error: unknown) => say({ id, failure: { code: error instanceof BangerError ? error.code : "internal", message: String(error) } }),
  );
}

async function perform(name: string, args: readonly unknown[]): Promise<unknown> {
  switch (name) {
    case "availability":
      return network.availability(args[0] as CheckDepth);
    case "attach":
      return network.attach(args[0] as VmNetwork, AbortSignal.timeout(60_000));
    case "attachAborted": {
      const controller = new AbortController();
      const attached = network.attach(args[0] as VmNetwork, controller.signal);
      setTimeout(() => controller.abort(), 10);
      return attached;
    }
    case "detach":
      return network.detach(String(args[0]));
    case "reconcile":
      return network.reconcile(args[0] as readonly VmNetwork[]);
    case "release":
      return network.release();
    default:
      throw new Error(`no call ${name}`);
  }
}

function say(line: Line): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
