import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { timed } from "../measure.ts";
import { benchRepository } from "../repository.ts";
import type { Row } from "../row.ts";
import { stageMs } from "../stage-time.ts";
import { VM_FLAGS, type Stand } from "../stand.ts";

export default {
  name: "copy-in",
  what: "the copy of `banger vm run PATH`: 10,000 files, 350 MB with the history",
  over: "1.3 times tar | tar of the same on the host, plus the same bytes into `vm exec VM -- cat`",
  unit: "ms",
  target: { kind: "ratio", limit: 1 },
  isLong: true,
  async measure(stand) {
    const repository = await benchRepository(stand);
    const floor = 1.3 * (await tarToTar(repository, stand)) + (await throughChannel(repository, stand));
    const name = stand.name();
    const { stderr } = await stand.banger.ok("vm", "run", repository, "--detach", "--name", name, ...VM_FLAGS);
    await stand.banger.ok("vm", "delete", "--discard-changes", name);
    return [{ value: stageMs(stderr, "copy"), floor }];
  },
} satisfies Row;

async function tarToTar(repository: string, stand: Stand): Promise<number> {
  const target = join(stand.scratch, "extracted");
  await mkdir(target);
  const took = await timed(["sh", "-c", 'tar -c -C "$1" . | tar -x -C "$2"', "sh", repository, target], stand);
  await rm(target, { recursive: true });
  return took;
}

async function throughChannel(repository: string, stand: Stand): Promise<number> {
  const { name } = await stand.warm();
  const line = 'tar -c -C "$1" . | "$2" vm exec "$3" -- sh -c "cat > /dev/null"';
  return await timed(["sh", "-c", line, "sh", repository, stand.banger.program, name], stand);
}
