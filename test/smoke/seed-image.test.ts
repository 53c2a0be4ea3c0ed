import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bangerOf } from "./banger.ts";
import { seedImage } from "./seed-image.ts";

/** Its image is what images/names/it says; a pull makes it as the recipe is, unless the host is offline. */
const FAKE_BANGER = `#!/bin/sh
echo "$*" >> "$CALLS"
image=$(cat "$IMAGES/names/it" 2>/dev/null)
case "$*" in
  'image list --json') case $image in
    current) echo '[{ "status": "ready", "outdated": false }, { "status": "available", "outdated": false }]' ;;
    outdated) echo '[{ "status": "ready", "outdated": true }]' ;;
    *) echo '[{ "status": "available", "outdated": false }]' ;;
  esac ;;
  'image pull') [ "$image" = current ] && exit; [ -z "$OFFLINE" ] || { echo 'error: no mirror' >&2; exit 1; }; echo "$image: built" >&2 ;;
esac
`;

interface Given {
  /** Of the image that is here and of the user's: "current", "outdated", or undefined for none. */
  readonly here?: string;
  readonly users?: string;
  readonly offline?: boolean;
}

async function seed(
  { here, users, offline = false }: Given,
  look: (calls: readonly string[], images: string) => Promise<void>,
): Promise<void> {
  await using scratch = await mkdtempDisposable(join(tmpdir(), "banger-smoke-"));
  const pathsOf = (name: string) => ({ imagesDir: join(scratch.path, name, "images"), kernelsDir: join(scratch.path, name, "kernels") });
  const [from, to] = [pathsOf("users"), pathsOf("here")];
  for (const [paths, image] of [[from, users] as const, [to, here] as const]) {
    if (image === undefined) continue;
    for (const directory of [paths.kernelsDir, join(paths.imagesDir, "names"), join(paths.imagesDir, "builds/1")])
      await mkdir(directory, { recursive: true });
    await writeFile(join(paths.imagesDir, "names/it"), image);
  }
  const program = join(scratch.path, "banger");
  await writeFile(program, FAKE_BANGER, { mode: 0o755 });
  const calls = join(scratch.path, "calls");
  const env = { PATH: process.env["PATH"] ?? "", CALLS: calls, IMAGES: to.imagesDir, OFFLINE: offline ? "1" : "" };
  const banger = bangerOf({ program, env, log: () => undefined, signal: new AbortController().signal });
  await seedImage({ banger, from, to, log: () => undefined });
  await look((await readFile(calls, "utf8")).trimEnd().split("\n"), to.imagesDir);
}

test("an image that is as its recipe says stays, and the user's is not looked at", async () => {
  await seed({ here: "current", users: "outdated" }, async (calls, images) => {
    assert.deepEqual(calls, ["image list --json", "image pull"]);
    assert.equal(await readFile(join(images, "names/it"), "utf8"), "current");
  });
});

test("a missing or outdated one gives way to the user's, without what is recorded of the user's builds", async () => {
  for (const given of [{ users: "current" }, { here: "outdated", users: "current", offline: true }]) {
    await seed(given, async (calls, images) => {
      assert.deepEqual(calls, ["image list --json", "daemon stop", "image pull"]);
      assert.equal(await readFile(join(images, "names/it"), "utf8"), "current");
      assert.deepEqual(await readdir(images), ["names"]);
    });
  }
});

test("where the user's is no better one is built, or the run ends with why it cannot be", async () => {
  for (const given of [{}, { here: "outdated" }, { users: "outdated" }]) {
    await seed(given, async (calls) => assert.equal(calls.at(-1), "image pull"));
    await assert.rejects(
      seed({ ...given, offline: true }, () => Promise.resolve()),
      /there is no image to boot from\nerror: no mirror/,
    );
  }
});
