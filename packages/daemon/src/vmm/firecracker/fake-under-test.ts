// The Firecracker driver as its tests use it without KVM: the fake stands where the program would, in the same jail.
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bindInPlace, resolveProgram, type Program } from "../program.ts";
import { FirecrackerDriver } from "./driver.ts";

const FAKE = fileURLToPath(new URL("fake-main.ts", import.meta.url));

export function createDriver(): FirecrackerDriver {
  return new FirecrackerDriver({
    searchPath: process.env["PATH"] ?? "",
    firecrackerBin: async () => FAKE,
    runAs: null,
    resolveProgram: fakeProgram,
  });
}

/** Node, the fake's sources, and the package file that makes them modules. */
async function fakeProgram(path: string): Promise<Program> {
  const node = await resolveProgram(process.execPath);
  const sources = [dirname(path), resolve(dirname(path), "../../../package.json")].map(bindInPlace);
  return { argv: [...node.argv, path], binds: [...node.binds, ...sources], env: {} };
}
