import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { createClient, routes } from "@banger/api";
import { alternating } from "../alternating.ts";
import { timed, timedWork } from "../measure.ts";
import type { Row } from "../row.ts";
import { VM_FLAGS, type Stand } from "../stand.ts";

const execute = promisify(execFile);

export default {
  name: "delete",
  what: "deleting a VM that has run and is stopped, over the API (a command's own start is the row list)",
  over: "rm of its files",
  unit: "ms",
  target: { kind: "over", limit: 50 },
  async measure(stand) {
    const names = [stand.name(), stand.name()];
    await Promise.all(names.map((name) => stand.banger.ok("vm", "run", "--detach", "--name", name, ...VM_FLAGS)));
    await stand.banger.ok("vm", "stop", ...names);
    const copies = await Promise.all(names.map((name) => copyOfFiles(stand, name)));
    const client = createClient(stand.paths.socket);
    return alternating(names.length, {
      value: () => timedWork(() => client.progress(routes.vmDelete, { params: { name: names.pop() ?? "" } })),
      floor: () => timed(["rm", "-rf", copies.pop() ?? ""], stand),
    });
  },
} satisfies Row;

/** On the disk, as those of the VM are: what is still only in memory goes faster. */
async function copyOfFiles(stand: Stand, name: string): Promise<string> {
  const copy = join(stand.scratch, `files-${name}`);
  await execute("cp", ["--archive", "--sparse=always", await stand.vmDir(name), copy]);
  await execute("sync", ["--file-system", copy]);
  return copy;
}
