import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { createClient, routes } from "@banger/api";
import { timed, timedWork } from "../measure.ts";
import type { Row } from "../row.ts";
import { VM_FLAGS } from "../stand.ts";

export default {
  name: "delete",
  what: "deleting a VM that does not run, over the API (a command's own start is the row list)",
  over: "rm of its files",
  unit: "ms",
  target: { kind: "over", limit: 50 },
  async measure(stand) {
    const name = stand.name();
    await stand.banger.ok("vm", "create", "--no-start", "--name", name, ...VM_FLAGS);
    const copy = join(stand.scratch, "files");
    await promisify(execFile)("cp", ["--archive", "--sparse=always", await stand.vmDir(name), copy]);
    const client = createClient(stand.paths.socket);
    const value = await timedWork(() => client.progress(routes.vmDelete, { params: { name } }));
    return [{ value, floor: await timed(["rm", "-rf", copy], stand) }];
  },
} satisfies Row;
