// What every run needs: a banger state of its own, and one shared repository for each round.
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { openOwnState, type OwnState, type OwnStateOptions } from "./own-state.ts";

const execute = promisify(execFile);

export interface Fixtures extends OwnState {
  readonly logs: string;
  readonly repository: string;
}

export async function setUp(options: OwnStateOptions): Promise<Fixtures> {
  const state = await openOwnState(options);
  const fixtures = { ...state, logs: join(state.home, "logs"), repository: join(state.home, "repository") };
  await rm(fixtures.logs, { recursive: true, force: true });
  await mkdir(fixtures.logs, { recursive: true });
  return fixtures;
}

/** One small repository, whatever was made of an earlier one there, with tracked, untracked and ignored files. */
export async function makeRepository(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await mkdir(join(path, "src"), { recursive: true });
  await writeFile(join(path, "Makefile"), "test:\n\t@echo tests pass\n");
  await writeFile(join(path, "src/main.txt"), "hello\n");
  await writeFile(join(path, ".gitignore"), "ignored\n");
  await writeFile(join(path, "ignored"), "secret\n");
  await writeFile(join(path, "untracked"), "note\n");
  const git = (...args: string[]) =>
    execute("git", ["-C", path, "-c", "user.name=Smoke", "-c", "user.email=smoke@example.invalid", ...args]);
  await git("init", "--quiet", "--initial-branch=main");
  await git("add", "Makefile", "src", ".gitignore");
  await git("commit", "--quiet", "--message=First");
}
