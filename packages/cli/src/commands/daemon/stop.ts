import { setTimeout as delay } from "node:timers/promises";
import { BangerError, createClient, routes, type Client } from "@banger/api";
import { command } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { pingDaemon } from "../../daemon/connect.ts";

/** Milliseconds a daemon may take to leave. */
const STOP_TIMEOUT_MS = 15_000;
const POLL_MS = 25;

export const stop = command({
  brief: "Stop the daemon; VMs keep running",
  description: "Stops the daemon and waits until it has left. VMs keep running; the next command starts a new daemon that takes them over.",
  usage: [""],
  examples: [["banger daemon stop", "as after installing another version"]],
  parameters: {},
  async run({ output, socket }: CliContext) {
    const client = createClient(socket.path);
    const running = await runningVms(client);
    if (running === undefined) return output.note("the daemon is not running");
    await client.call(routes.daemonStop, {});
    const deadline = performance.now() + STOP_TIMEOUT_MS;
    while ((await runningVms(client)) !== undefined) {
      if (performance.now() > deadline)
        throw new BangerError("daemon.unreachable", `the daemon has not left after ${STOP_TIMEOUT_MS / 1000} s`, {
          hint: "banger daemon logs",
        });
      await delay(POLL_MS);
    }
    output.note(
      running === 0 ? "the daemon has left" : `the daemon has left; ${running} ${running === 1 ? "VM keeps" : "VMs keep"} running`,
    );
  },
});

/** VMs of whatever version of the daemon; undefined when none answers. One whose answer is not ours to read counts as without. */
async function runningVms(client: Client): Promise<number | undefined> {
  try {
    return (await pingDaemon(client))?.runningVms;
  } catch (error) {
    if (error instanceof BangerError && error.code === "api.version_skew") return 0;
    throw error;
  }
}
