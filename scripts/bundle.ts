// Bundles the programs of banger into build/lib. Bundles are CommonJS: an ES module's import of node:http costs 25 ms at
// start because it touches every lazy export.
import { dirname, join } from "node:path";
import { build } from "esbuild";

const PROGRAMS = [
  { file: "banger.bundle.cjs", entry: "packages/cli/src/main.ts" },
  { file: "bangerd.cjs", entry: "packages/daemon/src/main.ts" },
  { file: "smoke.cjs", entry: "test/smoke/main.ts" },
] as const;

const root = dirname(import.meta.dirname);

async function bundle({ file, entry }: (typeof PROGRAMS)[number]): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: join(root, "build/lib", file),
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
  });
}

try {
  for (const program of PROGRAMS) await bundle(program);
} catch {
  // esbuild has said what is wrong, and where.
  process.exitCode = 1;
}
