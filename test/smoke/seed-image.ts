// The image that a state of a test's own boots from: its recipe's as it is today, or a run would try what is not shipped.
import { constants, cp, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Paths } from "@banger/api";
import { removeTree } from "@banger/host";
import type { Banger } from "./banger.ts";

/** A build, where the packages come slowly. */
const PULL_MS = 60 * 60_000;

export interface Seeding {
  readonly banger: Banger;
  /** Of the user, which is copied, never touched. */
  readonly from: Pick<Paths, "imagesDir" | "kernelsDir">;
  readonly to: Pick<Paths, "imagesDir" | "kernelsDir">;
  readonly log: (line: string) => void;
}

/** The image that is here where it is as its recipe says, else the user's, else one that is built: kept for the next runs. */
export async function seedImage(seeding: Seeding): Promise<void> {
  const { banger } = seeding;
  if (!(await isCurrent(banger))) {
    await banger.ok("daemon", "stop");
    await copyImages(seeding);
  }
  const pulled = await banger.banger(["image", "pull"], { timeoutMs: PULL_MS });
  if (pulled.status !== 0) throw new Error(`there is no image to boot from\n${pulled.stderr}`);
}

interface ListedImage {
  readonly status: string;
  readonly outdated: boolean;
}

async function isCurrent(banger: Banger): Promise<boolean> {
  const here = ((await banger.json("image", "list")) as readonly ListedImage[]).filter(({ status }) => status === "ready");
  return here.length > 0 && here.every(({ outdated }) => !outdated);
}

async function copyImages({ from, to, log }: Seeding): Promise<void> {
  for (const part of ["imagesDir", "kernelsDir"] as const) {
    await removeTree(to[part], dirname(to[part]));
    await mkdir(dirname(to[part]), { recursive: true });
    try {
      // What is recorded of the user's builds is theirs: a daemon that finds it ends them.
      const filter = (path: string) => path !== join(from.imagesDir, "builds");
      await cp(from[part], to[part], { recursive: true, preserveTimestamps: true, mode: constants.COPYFILE_FICLONE, filter });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      log(`no image to copy from ${from[part]}`);
    }
  }
}
