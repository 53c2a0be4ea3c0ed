// Holds the directions of docs/architecture.md: who may import whom, and which few things are done in one place only.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "../../..");

/** What the sources of a package may import of the others. Nothing imports a program. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  api: [],
  workspace: ["api"],
  host: ["api"],
  cli: ["api", "workspace"],
  daemon: ["api", "host"],
  "root-helper": ["api", "host"],
  // Only tests use it; its fakes are made to the daemon's contracts.
  testkit: ["api", "host", "daemon"],
};

/** Doorways of the daemon's folders, besides contract.ts. */
const DOORWAYS: Readonly<Record<string, readonly string[]>> = {
  config: ["image-name.ts", "nearest.ts"],
  "file-sync": ["service.ts"],
  guest: ["client.ts", "configuration.ts", "exec-relay.ts", "openssh-key.ts"],
  network: ["pasta-version.ts"],
  operations: ["registry.ts"],
  state: ["journal.ts", "reserve.ts", "vm-record.ts", "vm-records.ts"],
  // The doctor builds the very jail that VMs run in, and judges Firecracker by the same rules.
  vmm: ["accelerator.ts", "jail.ts", "program.ts", "firecracker/version.ts"],
  vms: ["service.ts", "log-stream.ts"],
  workspaces: ["service.ts"],
};

interface Source {
  /** From the repository's root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly isTest: boolean;
}

const sources = sourcesBelow(join(root, "packages"));

test("packages import only those below them", () => {
  const wrong = imports(sources).flatMap(({ from, specifier, isTest }) => {
    const importer = packageOf(from);
    const imported = importedPackage(from, specifier);
    if (imported === undefined || imported === importer) return [];
    const isAllowed = PACKAGES[importer]?.includes(imported) === true || (isTest && imported === "testkit");
    return isAllowed ? [] : [`${from}: ${specifier}`];
  });
  assert.deepEqual(wrong, []);
});

test("every package has its directions", () => {
  assert.deepEqual(
    [...new Set(sources.map(({ path }) => packageOf(path)))].filter((name) => PACKAGES[name] === undefined),
    [],
  );
});

test("a folder of the daemon is entered through its contract or a doorway", () => {
  const daemon = "packages/daemon/src/";
  const wrong = imports(sources).flatMap(({ from, specifier, isTest }) => {
    if (!from.startsWith(daemon) || !specifier.startsWith(".") || isTest) return [];
    const target = join(dirname(from), specifier);
    const [ownFolder, ...ownRest] = from.slice(daemon.length).split(sep);
    const [folder = "", ...rest] = target.slice(daemon.length).split(sep);
    // main.ts and the few files beside it put the daemon together.
    if (ownRest.length === 0 || rest.length === 0 || folder === ownFolder) return [];
    const door = rest.join("/");
    return door === "contract.ts" || DOORWAYS[folder]?.includes(door) === true ? [] : [`${from}: ${specifier}`];
  });
  assert.deepEqual(wrong, []);
});

test("environment, arguments, clock and randomness come in through deps", () => {
  const outside = /\bprocess\.(env|argv|cwd)\b|\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(/;
  assert.deepEqual(
    linesWith(outside, ({ path }) => /\/main\.ts$|^packages\/(host|testkit)\//.test(path)),
    [],
  );
});

test("no shell strings, and one recursive delete", () => {
  assert.deepEqual(
    linesWith(/\bshell: *(true|["'])|\bexecSync\(|import \{[^}]*\bexec\b[^}]*\} from "node:child_process"/, () => false),
    [],
  );
  assert.deepEqual(
    linesWith(/\b(rm|rmSync)\([^)]*recursive: *true/, ({ path }) => path === "packages/host/src/remove-tree.ts"),
    [],
  );
});

test("docs/dependencies.md has a line for every dependency, and no others", () => {
  const manifests = [
    join(root, "package.json"),
    ...readdirSync(join(root, "packages")).map((name) => join(root, "packages", name, "package.json")),
  ];
  const npm = manifests.flatMap((path) => {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(path, "utf8")) as Record<
      string,
      Record<string, string> | undefined
    >;
    return Object.keys({ ...dependencies, ...devDependencies });
  });
  const go = [...readFileSync(join(root, "guest/go.mod"), "utf8").matchAll(/^\t(\S+) v/gm)].map((match) => match[1] ?? "");
  const pip = [...readFileSync(join(root, "scripts/toolchain.txt"), "utf8").matchAll(/^([a-z-]+)==/gm)].map((match) => match[1] ?? "");
  const documented = [...readFileSync(join(root, "docs/dependencies.md"), "utf8").matchAll(/^\| `([^`]+)` \|/gm)].map(
    (match) => match[1] ?? "",
  );
  const wanted = [...npm, ...go, ...pip].filter((name) => !name.startsWith("@banger/"));
  assert.deepEqual(documented.toSorted(), [...new Set(wanted)].toSorted());
});

/** Offending lines of sources that are no tests, as `path:line`. Comments are not looked at. */
function linesWith(pattern: RegExp, isExempt: (source: Source) => boolean): readonly string[] {
  return sources
    .filter((source) => !source.isTest && !isExempt(source))
    .flatMap(({ path, text }) =>
      text
        .split("\n")
        .flatMap((line, index) =>
          pattern.test(line.replace(/(^|\s)(\/\/|\*|\/\*\*).*$/, "")) ? [`${path}:${index + 1}: ${line.trim()}`] : [],
        ),
    );
}

function imports(from: readonly Source[]): readonly { readonly from: string; readonly specifier: string; readonly isTest: boolean }[] {
  return from.flatMap(({ path, text, isTest }) =>
    [...text.matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => ({ from: path, specifier: match[1] ?? "", isTest })),
  );
}

function packageOf(path: string): string {
  return path.split("/")[1] ?? "";
}

function importedPackage(from: string, specifier: string): string | undefined {
  const named = /^@banger\/([a-z-]+)/.exec(specifier)?.[1];
  if (named !== undefined) return named;
  return specifier.startsWith(".") ? packageOf(join(dirname(from), specifier)) : undefined;
}

/** A test, or what only tests use: a fake, a contract suite, fixtures, a laboratory. */
function isTestFile(path: string): boolean {
  return /\.test(-support)?\.ts$|-under-test\.ts$|\/(fake|test)-[a-z-]+\.ts$|\/contract-[a-z-]+\.ts$|\/(testing|lab)\//.test(path);
}

function sourcesBelow(directory: string): readonly Source[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.parentPath.includes("node_modules"))
    .map((entry) => {
      const path = relative(root, join(entry.parentPath, entry.name)).split(sep).join("/");
      return { path, text: readFileSync(join(root, path), "utf8"), isTest: isTestFile(path) };
    });
}
