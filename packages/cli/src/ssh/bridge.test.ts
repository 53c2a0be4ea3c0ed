import assert from "node:assert/strict";
import * as childProcess from "node:child_process";
import { once } from "node:events";
import { mkdtempDisposable, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { openBridge } from "./bridge.ts";

async function openScene() {
  const scratch = await mkdtempDisposable(join(tmpdir(), "banger-bridge-"));
  const bridge = await openBridge({ childProcess, env: process.env }, scratch.path);
  const [program = "", ...args] = bridge.proxy;
  const proxy = childProcess.spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  return {
    ...{ bridge, proxy, directory: scratch.path },
    async [Symbol.asyncDispose]() {
      proxy.kill("SIGKILL");
      await scratch.remove();
    },
  };
}

/** An end that answers each word, once it is whole, and ends when told so. */
function answering(): Duplex {
  let heard = "";
  return new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      heard += chunk.toString();
      for (let at = heard.indexOf("\n"); at !== -1; at = heard.indexOf("\n")) {
        this.push(`<${heard.slice(0, at)}>`);
        if (heard.startsWith("end")) this.push(null);
        heard = heard.slice(at + 1);
      }
      done();
    },
  });
}

test("what is said before the guest is reached is not lost", async () => {
  await using scene = await openScene();
  const guest = Promise.withResolvers<Duplex>();
  scene.bridge.carry(guest.promise);
  scene.proxy.stdin.write("first\n");
  const early = Promise.race([once(scene.proxy.stdout, "readable"), new Promise((resolve) => setTimeout(resolve, 100, "silent"))]);
  assert.equal(await early, "silent");
  guest.resolve(answering());
  scene.proxy.stdin.write("end\n");
  assert.equal(await text(scene.proxy.stdout), "<first><end>");
  await scene.bridge[Symbol.asyncDispose]();
  assert.deepEqual(await readdir(scene.directory), []);
});

test("a guest that ends before ssh is there, or is never reached, is an end to ssh", async () => {
  for (const guest of [() => Promise.resolve(answering().destroy()), () => Promise.reject<Duplex>(new Error("no sshd"))]) {
    await using scene = await openScene();
    scene.bridge.carry(guest());
    scene.proxy.stdin.write("first\n");
    assert.equal(await text(scene.proxy.stdout), "");
    await scene.bridge[Symbol.asyncDispose]();
  }
});

test("a large answer comes whole, however slowly it is read", async () => {
  await using scene = await openScene();
  const guest = answering();
  scene.bridge.carry(Promise.resolve(guest));
  guest.push(Buffer.alloc(1_000_000, "x"));
  scene.proxy.stdin.write("end\n");
  const answer = await text(scene.proxy.stdout);
  assert.equal(answer.length, 1_000_000 + "<end>".length);
  await scene.bridge[Symbol.asyncDispose]();
});
