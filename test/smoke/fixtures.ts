// What every run needs: a state directory of its own, the image in it, one shared repository, and the end of everything a
// former run left behind.
import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { resolvePaths } from "@banger/api";
import { bangerOf, type Banger } from "./banger.ts";

const execute = promisify(execFile);

export interface Fixtures {
  /** BANGER_HOME of the run. */
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logs: string;
  readonly repository: string;
  readonly banger: Banger;
}

export interface FixtureOptions {
  /** The directory with bin/banger. */
  readonly build: string;
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Where a user's smoke runs live. Not below the build: a root daemon's VMMs run as another user, who must reach it. */
export function smokeHome(uid: number): string {
  return `/var/tmp/banger-smoke-${uid}`;
}

export async function setUp(options: FixtureOptions): Promise<Fixtures> {
  const home = smokeHome(options.uid);
  const env = environmentOf(home, options.env);
  const banger = bangerOf({ program: join(options.build, "bin/banger"), env, log: options.log, signal: options.signal });
  await mkdir(home, { recursive: true, mode: 0o711 });
  await chmod(home, 0o711);
  await cleanUp(banger);
  await seedImages(options, home);
  const fixtures = { home, env, banger, logs: join(home, "logs"), repository: join(home, "repository") };
  await rm(fixtures.logs, { recursive: true, force: true });
  await mkdir(fixtures.logs, { recursive: true });
  await makeRepository(fixtures.repository);
  return fixtures;
}

/** Ends and removes every VM of the smoke state, its daemon and whatever that had made; the image is kept. */
export async function cleanUp(banger: Banger): Promise<void> {
  const listed = await banger.banger(["vm", "list", "--json"]);
  if (listed.status !== 0) throw new Error(`the smoke daemon does not answer: ${listed.stderr}`);
  const names = (JSON.parse(listed.stdout) as { name: string }[]).map((vm) => vm.name);
  if (names.length > 0) await banger.ok("vm", "delete", ...names);
  await banger.ok("daemon", "stop");
}

function environmentOf(home: string, env: FixtureOptions["env"]): Record<string, string> {
  const kept = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith("BANGER_"));
  return { ...Object.fromEntries(kept), BANGER_HOME: home, NO_COLOR: "1" };
}

/** The owner's own image is copied, never touched; without one it is built once and kept for the next runs. */
async function seedImages(options: FixtureOptions, home: string): Promise<void> {
  const own = resolvePaths({ uid: options.uid, home: homedir(), env: { ...options.env, BANGER_HOME: undefined } });
  const mine = resolvePaths({ uid: options.uid, home: homedir(), env: { BANGER_HOME: home } });
  for (const [from, to] of [
    [own.imagesDir, mine.imagesDir],
    [own.kernelsDir, mine.kernelsDir],
  ] as const) {
    const present = await readFile(join(to, ".seeded")).catch(() => undefined);
    if (present !== undefined) continue;
    await mkdir(to, { recursive: true });
    await execute("cp", ["--archive", "--reflink=auto", `${from}/.`, to]).catch(() => options.log(`no image to copy from ${from}`));
    await writeFile(join(to, ".seeded"), "");
  }
}

/** One small repository with tracked, untracked and ignored files. */
async function makeRepository(path: string): Promise<void> {
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
