// A host program and exactly the files it needs, to be bound into a jail: the binary, what the dynamic linker would load, and
// the linker's cache that says where.
import { access } from "node:fs/promises";
import { BangerError, programMissing } from "@banger/api";
import { findProgram, run } from "@banger/host";
import type { Bind } from "./jail.ts";

export interface Program {
  /** What to run inside the jail. */
  readonly argv: readonly string[];
  readonly binds: readonly Bind[];
  readonly env: Readonly<Record<string, string>>;
}

/** Absolute path of `name` on `searchPath`. Throws `host.command_missing` with `hint`. */
export async function requireProgram(name: string, searchPath: string): Promise<string> {
  const found = await findProgram(name, searchPath);
  if (found !== undefined) return found;
  throw programMissing(name);
}

/** `path` with the libraries of it and of `modules` (which it loads by name), at the paths they have on the host. */
export async function resolveProgram(path: string, modules: readonly string[] = []): Promise<Program> {
  const libraries = await Promise.all([path, ...modules].map(librariesOf));
  const cache = "/etc/ld.so.cache";
  const hasCache = await access(cache).then(
    () => true,
    () => false,
  );
  const files = new Set([path, ...libraries.flat(), ...(hasCache ? [cache] : [])]);
  return { argv: [path], binds: [...files].map(bindInPlace), env: {} };
}

export function bindInPlace(path: string): Bind {
  return { source: path, target: path, access: "ro" };
}

/** Absolute paths in the output of `ldd`. A library it could not find has none; the program then says so itself. */
export function parseLdd(output: string): readonly string[] {
  const paths = output.split("\n").map((line) => /^\s+(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line)?.[1]);
  return [...new Set(paths.filter((path) => path !== undefined))];
}

async function librariesOf(path: string): Promise<readonly string[]> {
  try {
    return parseLdd((await run(["ldd", path])).stdout);
  } catch (error) {
    // ldd fails on a static program, which needs nothing.
    if (
      error instanceof BangerError &&
      error.code === "host.command_failed" &&
      /not a dynamic executable|statically linked/.test(error.message)
    )
      return [];
    throw error;
  }
}
