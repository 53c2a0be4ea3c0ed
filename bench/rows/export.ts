import { join } from "node:path";
import { timed } from "../measure.ts";
import { benchRepository } from "../repository.ts";
import type { Row } from "../row.ts";
import { VM_FLAGS } from "../stand.ts";

export default {
  name: "export",
  what: "banger vm workspace export of 1,000 changed files of 10,000",
  over: "the same files as a tar through `vm exec`, after git status there",
  unit: "ms",
  target: { kind: "ratio", limit: 1.5 },
  isLong: true,
  async sample(stand) {
    const repository = await benchRepository(stand.scratch);
    const name = stand.name();
    await stand.banger.ok("vm", "run", repository, "--detach", "--name", name, ...VM_FLAGS);
    try {
      await stand.banger.inGuest(name, "sh", "-c", "cd /root/repo && for f in d?/*; do echo changed >> $f; done");
      const patch = join(stand.scratch, "export.patch");
      const value = await timed([stand.banger.program, "vm", "workspace", "export", name, "--output", patch], stand);
      const line = '"$1" vm exec "$2" -- sh -c "cd /root/repo && git status --porcelain >&2 && tar c d?" > /dev/null';
      return { value, floor: await timed(["sh", "-c", line, "sh", stand.banger.program, name], stand) };
    } finally {
      await stand.banger.ok("vm", "delete", name);
    }
  },
} satisfies Row;
