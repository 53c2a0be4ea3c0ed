// Bundles the programs of banger into build/lib. Bundles are CommonJS: an ES module's import of node:http costs 25 ms at
// start because it touches every lazy export.
import { dirname, join } from "node:path";
import { build, type BuildOptions, type Plugin } from "esbuild";

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
  define: { "import.meta.dirname": "__dirname", "import.meta.filename": "__filename" },
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

async function bundle({ file, entry, plugins = [] }: Program): Promise<void> {
  await build({ ...OPTIONS, entryPoints: [entry], outfile: join(root, "build/lib", file), plugins: [...plugins] });
}

async function bundleApart(library: string): Promise<void> {
  await build({
    ...OPTIONS,
    stdin: { contents: `export * from ${JSON.stringify(library)};`, resolveDir: root },
    outfile: join(root, "build/lib", fileApart(library)),
  });
}

try {
  for (const program of PROGRAMS) await bundle(program);
  for (const library of APART) await bundleApart(library);
} catch {
  // esbuild has said what is wrong, and where.
  process.exitCode = 1;
}
