// Bundles the programs of banger into build/lib. Bundles are CommonJS: an ES module's import of node:http costs 25 ms at
// start because it touches every lazy export.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build, type BuildOptions, type OutputFile, type Plugin } from "esbuild";

interface Program {
  readonly file: string;
  readonly entry: string;
  readonly plugins?: readonly Plugin[];
}

/** Libraries that few commands use: what is in the command line's own file is read, and its code taken from the cache, every time. */
const APART = ["log-update", "smol-toml", "tar-stream"];

const PROGRAMS: readonly Program[] = [
  { file: "banger.bundle.cjs", entry: "packages/cli/src/main.ts", plugins: [loadApart()] },
  { file: "bangerd.cjs", entry: "packages/daemon/src/main.ts" },
  { file: "smoke.cjs", entry: "test/smoke/main.ts" },
];

/** Stands for the build's id, which is made of the daemon that it stands in: as long as one, so that nothing moves. */
const PLACEHOLDER = "@build-id@";

const root = dirname(import.meta.dirname);

const OPTIONS = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node24",
  format: "cjs",
  sourcemap: "linked",
  sourcesContent: false,
  legalComments: "none",
  logLevel: "warning",
  // What ES modules know of themselves, for dependencies that ask.
  define: { "import.meta.dirname": "__dirname", "import.meta.filename": "__filename", BANGER_BUILD: JSON.stringify(PLACEHOLDER) },
  write: false,
  // Code that V8 has from a cache cannot import, only require.
  supported: { "dynamic-import": false },
} as const satisfies BuildOptions;

/** Below build/lib. */
function fileApart(library: string): string {
  return `libraries/${library}.cjs`;
}

function loadApart(): Plugin {
  return {
    name: "apart",
    setup({ onResolve }) {
      const libraries = new RegExp(`^(${APART.join("|")})$`);
      onResolve({ filter: libraries }, ({ path }) => ({ path: `./${fileApart(path)}`, external: true }));
    },
  };
}

async function bundle({ file, entry, plugins = [] }: Program): Promise<readonly OutputFile[]> {
  const { outputFiles } = await build({ ...OPTIONS, entryPoints: [entry], outfile: join(root, "build/lib", file), plugins: [...plugins] });
  return outputFiles;
}

async function bundleApart(library: string): Promise<readonly OutputFile[]> {
  const { outputFiles } = await build({
    ...OPTIONS,
    stdin: { contents: `export * from ${JSON.stringify(library)};`, resolveDir: root },
    outfile: join(root, "build/lib", fileApart(library)),
  });
  return outputFiles;
}

/** Of the daemon alone: one that is as we would start it is not worth a word, however the command line changed. */
function idOf(files: readonly OutputFile[]): string {
  const daemon = files.find(({ path }) => path.endsWith("/bangerd.cjs"));
  return createHash("sha256")
    .update(daemon?.contents ?? "")
    .digest("hex")
    .slice(0, PLACEHOLDER.length);
}

function write(files: readonly OutputFile[], id: string): void {
  for (const { path, text } of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.replaceAll(PLACEHOLDER, id));
  }
}

try {
  const programs = (await Promise.all(PROGRAMS.map(bundle))).flat();
  const id = idOf(programs);
  write(programs, id);
  write((await Promise.all(APART.map(bundleApart))).flat(), id);
  writeFileSync(join(root, "build/lib/build-id"), id);
} catch {
  // esbuild has said what is wrong, and where.
  process.exitCode = 1;
}
