// The initramfs kept for each kernel: one for the present agent, and housekeeping that needs no space.
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { InitramfsCache } from "./initramfs.ts";

async function kernel(): Promise<AsyncDisposable & { readonly dir: string; readonly source: Parameters<InitramfsCache["path"]>[0] }> {
  const dir = await mkdtemp(join(tmpdir(), "banger-initramfs-"));
  const source = { kernelDir: dir, modulesArchivePath: join(dir, "modules.cpio"), agentPath: join(dir, "agent") };
  await writeFile(source.modulesArchivePath, "modules");
  await writeFile(source.agentPath, "agent 1");
  return { dir, source, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

const keptIn = async (dir: string) => (await readdir(dir)).filter((name) => name.startsWith("initramfs-"));

test("a new agent has an initramfs of its own; the old one goes with the next housekeeping", async () => {
  await using made = await kernel();
  const first = await new InitramfsCache().path(made.source);
  await writeFile(made.source.agentPath, "agent 2");
  const cache = new InitramfsCache();
  const second = await cache.path(made.source);
  assert.notEqual(second, first);
  await cache.removeOthers(made.source);
  assert.deepEqual(await keptIn(made.dir), [second.slice(made.dir.length + 1)]);
});

test("housekeeping writes nothing, and keeps what fits the present agent", async () => {
  await using made = await kernel();
  await new InitramfsCache().removeOthers(made.source);
  assert.deepEqual(await keptIn(made.dir), []);
  const path = await new InitramfsCache().path(made.source);
  await writeFile(join(made.dir, "initramfs-0123456789abcdef.cpio"), "of an agent that is gone");
  const before = await readFile(path);
  await new InitramfsCache().removeOthers(made.source);
  assert.deepEqual(await keptIn(made.dir), [path.slice(made.dir.length + 1)]);
  assert.deepEqual(await readFile(path), before);
});
