// One at a time, whatever way the one before went.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { lockStore, tryLockStore } from "./store-lock.ts";

function place(t: TestContext): string {
  const scratch = mkdtempDisposableSync(join(tmpdir(), "banger-lock-"));
  t.after(() => scratch.remove());
  return join(scratch.path, "locks/vm1");
}

test("a second one waits for the first, and says so once", async (t) => {
  const path = place(t);
  const first = await lockStore(path);
  assert.equal(await tryLockStore(path), undefined);
  const told = Promise.withResolvers<void>();
  let isHeld = true;
  const second = lockStore(path, { onWait: told.resolve }).then((lock) => ({ lock, isHeld }));
  await told.promise;
  isHeld = false;
  first[Symbol.dispose]();
  const { lock, ...seen } = await second;
  assert.deepEqual(seen, { isHeld: false });
  lock[Symbol.dispose]();
  using other = await lockStore(join(path, "../vm2"));
  assert.ok(other);
});

test("many at once take turns", async (t) => {
  const path = place(t);
  let [inside, most] = [0, 0];
  const turn = async () => {
    using lock = await lockStore(path);
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside -= 1;
    return lock;
  };
  await Promise.all(Array.from({ length: 5 }, turn));
  assert.equal(most, 1);
});

test("waiting can be given up", async (t) => {
  const path = place(t);
  using _held = await lockStore(path);
  const controller = new AbortController();
  const waiting = lockStore(path, { signal: controller.signal });
  controller.abort();
  await assert.rejects(waiting, { name: "AbortError" });
});

test("a process that is killed has it no longer", async (t) => {
  const path = place(t);
  const program = `import { lockStore } from ${JSON.stringify(join(import.meta.dirname, "store-lock.ts"))};
    globalThis.lock = await lockStore(${JSON.stringify(path)});
    console.log("held");
    setInterval(() => undefined, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => holder.kill("SIGKILL"));
  await once(holder.stdout, "data");
  assert.equal(await tryLockStore(path), undefined);
  holder.kill("SIGKILL");
  using lock = await lockStore(path);
  assert.ok(lock);
});

test("one that is forgotten is made anew by who waits for it", async (t) => {
  const path = place(t);
  const first = await lockStore(path);
  const waiting = lockStore(path);
  await first.forget();
  assert.ok(!existsSync(path));
  first[Symbol.dispose]();
  using second = await waiting;
  assert.ok(existsSync(path));
  assert.ok(second);
  assert.equal(await tryLockStore(path), undefined);
});
