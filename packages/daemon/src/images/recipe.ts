// Runs a recipe: signed packages become a base squashfs, a kernel and its modules, without root and without anything of the
// image being unpacked onto the host. What is run and why is in images/README.md.
import { readFile, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BangerError } from "@banger/api";
import { identifyProcess } from "@banger/host";
import { BuildLog } from "./build-log.ts";
import { runBuildCommand, type BuildCommand } from "./build-process.ts";
import type { BuildSink } from "./build-events.ts";
import { READ_FOREIGN } from "./foreign-file.ts";
import { readHostApt } from "./host-apt.ts";
import { readKernel, type Kernel } from "./kernels.ts";
import { mmdebstrapCommand, squashfsCommand, WORK_FILES, type HostAptFiles } from "./recipe-command.ts";
import { writeOverlay } from "./recipe-overlay.ts";
import { checkBuilder, type BuilderHost } from "./recipe-preflight.ts";
import { advance, failureCauses, NO_PROGRESS, packagesDone, saysDiskFull, type PackageProgress } from "./recipe-progress.ts";
import type { Recipe, RecipeFolder, SquashfsOptions } from "./recipe-schema.ts";
import { Scratch } from "./scratch.ts";

const MIB = 1024 * 1024;

export interface RecipeDeps {
  readonly host: BuilderHost;
  /** Where builds under way are recorded. */
  readonly buildsDir: string;
  /** Where the full words of the last build of each image are kept. */
  readonly logDir: string;
  /** Directory with the npm packages that recipes name. */
  readonly npmDir: string;
  /** The host's /etc/apt. */
  readonly aptDir: string;
}

export interface BuildOptions {
  readonly signal: AbortSignal;
  readonly report: BuildSink;
}

/** What a recipe gave, until it is disposed. */
export interface BuiltImage extends AsyncDisposable {
  readonly rootSquashfs: string;
  readonly modulesSquashfs: string;
  readonly kernel: Kernel;
}

/**
 * Builds `folder`'s image. Throws `host.command_missing`, `host.unsupported`, `host.disk_full`, `image.build_failed` with the
 * stage, the log's place and apt's own words, `operation.cancelled` on abort; whatever it throws, it left nothing behind.
 */
export async function buildRecipe(folder: RecipeFolder, deps: RecipeDeps, options: BuildOptions): Promise<BuiltImage> {
  const { recipe } = folder;
  options.report({ type: "stage.started", stage: "packages" });
  await checkBuilder(deps.host, recipe.estimates.scratchMib * MIB, options.signal);
  await using stack = new AsyncDisposableStack();
  const scratch = stack.use(await Scratch.make(deps.buildsDir, deps.host));
  const log = stack.use(await BuildLog.open(join(deps.logDir, `image-${recipe.name}.log`)));
  const build: Build = { recipe, deps, scratch, log, ...options };
  const hostApt = await prepareWork(folder, build);
  await scratch.handOver();
  await installPackages(build, hostApt);
  const rootSquashfs = await packRoot(build);
  const { kernel, modulesSquashfs } = await packKernel(build);
  const kept = stack.move();
  return { rootSquashfs, modulesSquashfs, kernel, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

interface Build extends BuildOptions {
  readonly recipe: Recipe;
  readonly deps: RecipeDeps;
  readonly scratch: Scratch;
  readonly log: BuildLog;
}

async function prepareWork(folder: RecipeFolder, { deps, scratch, signal }: Build): Promise<HostAptFiles> {
  const apt = await readHostApt(deps.aptDir, folder.recipe, signal);
  const writeLines = async (name: string, lines: readonly string[]): Promise<boolean> => {
    if (lines.length > 0) await writeFile(join(scratch.work, name), lines.map((line) => `${line}\n`).join(""), { mode: 0o644 });
    return lines.length > 0;
  };
  const files = {
    sources: await writeLines(WORK_FILES.sources, apt.sources),
    aptOptions: await writeLines(WORK_FILES.aptOptions, apt.options),
  };
  await writeOverlay(join(scratch.work, WORK_FILES.overlay), folder, { npmDir: deps.npmDir, signal });
  return files;
}

async function installPackages(build: Build, hostApt: HostAptFiles): Promise<void> {
  const { recipe, scratch, report } = build;
  let progress = NO_PROGRESS;
  await runStep(build, {
    stage: "packages",
    argv: mmdebstrapCommand(recipe, hostApt),
    onLine: (line) => {
      const next = advance(progress, line);
      if (next !== progress) reportPackages(next, build);
      progress = next;
    },
  });
  const installed = await readFile(join(scratch.work, WORK_FILES.packages), { encoding: "utf8", flag: READ_FOREIGN });
  const packages = installed.split("\n").filter((line) => line !== "").length;
  report({ type: "stage.finished", stage: "packages", facts: { packages, bytes: progress.bytesTotal } });
}

function reportPackages(progress: PackageProgress, { recipe, report }: Build): void {
  if (progress.downloading) {
    report({ type: "stage.progress", stage: "packages", done: progress.bytesDone, total: progress.bytesTotal, unit: "bytes" });
  } else {
    const total = Math.max(progress.packagesTotal, recipe.estimates.packages);
    report({ type: "stage.progress", stage: "packages", done: packagesDone(progress), total, unit: "packages" });
  }
}

async function packRoot(build: Build): Promise<string> {
  build.report({ type: "stage.started", stage: "squash" });
  const path = await squash(build, {
    tar: WORK_FILES.root,
    output: WORK_FILES.rootSquashfs,
    options: build.recipe.squashfs,
    stage: "squash",
  });
  build.report({ type: "stage.finished", stage: "squash", facts: { bytes: (await stat(path)).size } });
  return path;
}

async function packKernel(build: Build): Promise<{ readonly kernel: Kernel; readonly modulesSquashfs: string }> {
  const { recipe, scratch, signal, report } = build;
  report({ type: "stage.started", stage: "kernel" });
  const kernel = await readKernel(
    { kernelTar: join(scratch.work, WORK_FILES.kernel), modulesTar: join(scratch.work, WORK_FILES.modules) },
    signal,
  );
  const modulesSquashfs = await squash(build, {
    tar: WORK_FILES.modules,
    output: WORK_FILES.modulesSquashfs,
    options: recipe.modulesSquashfs,
    stage: "kernel",
  });
  report({ type: "stage.finished", stage: "kernel", facts: { release: kernel.release } });
  return { kernel, modulesSquashfs };
}

interface Squash {
  readonly tar: string;
  readonly output: string;
  readonly options: SquashfsOptions;
  readonly stage: string;
}

async function squash(build: Build, { tar, output, options, stage }: Squash): Promise<string> {
  const tarPath = join(build.scratch.work, tar);
  await runStep(build, { stage, argv: squashfsCommand(options, output), stdinPath: tarPath, onLine: () => {} });
  await unlink(tarPath);
  return join(build.scratch.work, output);
}

interface Step extends Pick<BuildCommand, "argv" | "onLine" | "stdinPath"> {
  readonly stage: string;
}

/** Runs one program of the build in its working directory, its words logged. */
async function runStep({ recipe, deps, scratch, log, signal }: Build, { stage, ...command }: Step): Promise<void> {
  const lines: string[] = [];
  log.write(`# ${command.argv.join(" ")}`);
  const status = await runBuildCommand({
    ...command,
    cwd: scratch.work,
    env: { ...deps.host.env, TMPDIR: scratch.tmp, SOURCE_DATE_EPOCH: String(recipe.sourceDateEpoch), LC_ALL: "C.UTF-8" },
    runAs: deps.host.runAs,
    signal,
    onLine: (line) => {
      lines.push(line);
      log.write(line);
      command.onLine(line);
    },
    onStart: async (pid) => {
      const identity = identifyProcess(pid);
      if (identity !== undefined) await scratch.remember(identity);
    },
  });
  if (status !== 0) throw buildFailed({ image: recipe.name, stage, status, lines, log: log.path, scratchRoot: deps.host.scratchRoot });
}

interface Failure {
  readonly image: string;
  readonly stage: string;
  readonly status: number | null;
  readonly lines: readonly string[];
  readonly log: string;
  readonly scratchRoot: string;
}

function buildFailed({ image, stage, status, lines, log, scratchRoot }: Failure): BangerError {
  const causes = failureCauses(lines);
  const details = { stage, log, status, causes };
  if (saysDiskFull(lines)) {
    return new BangerError("host.disk_full", `the disk filled up while image ${image} was built in ${scratchRoot}`, {
      hint: `free some space on the file system of ${scratchRoot}`,
      details,
    });
  }
  return new BangerError("image.build_failed", `image ${image} was not built, stage ${stage}: ${causes.join("; ")}`, {
    hint: `see ${log}`,
    details,
  });
}
