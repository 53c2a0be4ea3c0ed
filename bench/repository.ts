// The repository that rows copy: 10,000 files and 350 MB with its history, of content that does not compress.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

interface Where {
  readonly scratch: string;
  readonly repositorySize: RepositorySize;
}

export interface RepositorySize {
  /** In each of the hundred directories. */
  readonly files: number;
  /** Of each of the ten blobs that only the history has. */
  readonly pastBytes: number;
}

export const WHOLE: RepositorySize = { files: 100, pastBytes: 25_000_000 };
/** For a try. */
export const SMALL: RepositorySize = { files: 10, pastBytes: 250_000 };

const DIRECTORIES = 100;
const FILE_BYTES = 10_000;
const PAST = 10;

/** Its directory below `scratch`, made once. */
export async function benchRepository({ scratch, repositorySize: { files, pastBytes } }: Where): Promise<string> {
  const top = join(scratch, "repository");
  if (existsSync(join(top, "done"))) return join(top, "work");
  const work = join(top, "work");
  await mkdir(work, { recursive: true });
  const git = (...args: readonly string[]) =>
    execFileSync("git", ["-C", work, "-c", "user.name=Bench", "-c", "user.email=bench@example.invalid", "-c", "gc.auto=0", ...args]);
  git("init", "--quiet", "--initial-branch=main");
  for (let past = 0; past < PAST; past += 1) {
    await writeFile(join(work, "past"), randomBytes(pastBytes));
    git("add", "past");
    git("commit", "--quiet", `--message=past ${past}`);
  }
  git("rm", "--quiet", "past");
  for (let directory = 0; directory < DIRECTORIES; directory += 1) {
    const path = join(work, `d${directory}`);
    await mkdir(path);
    for (let file = 0; file < files; file += 1) await writeFile(join(path, `f${file}.txt`), randomBytes(FILE_BYTES / 2).toString("hex"));
  }
  git("add", "--all");
  git("commit", "--quiet", "--message=files");
  git("repack", "-a", "-d", "--quiet", "--window=0");
  await writeFile(join(top, "done"), "");
  return work;
}
