import { join } from "node:path";
import { changedWorkspace, TELL_AND_TAR } from "../changed-workspace.ts";
import { timed } from "../measure.ts";
import type { Row } from "../row.ts";

export default {
  name: "export",
  what: "banger vm workspace export of 1,000 changed files of 10,000",
  over: "the same files as a tar through `vm exec`, after git status there",
  unit: "ms",
  target: { kind: "ratio", limit: 1.5 },
  isLong: true,
  async measure(stand) {
    await using workspace = await changedWorkspace(stand);
    const { program } = stand.banger;
    const patch = join(stand.scratch, "export.patch");
    const value = await timed([program, "vm", "workspace", "export", workspace.name, "--output", patch], stand);
    const line = '"$1" vm exec "$2" -- sh -c "$3" > /dev/null';
    return [{ value, floor: await timed(["sh", "-c", line, "sh", program, workspace.name, TELL_AND_TAR], stand) }];
  },
} satisfies Row;
