// A guest's .gitignore files are read by one git, each no further than it may be long.
import assert from "node:assert/strict";
import { test } from "node:test";
import { writeBlob } from "./blob-writer.ts";
import { Git, type GitAnswer, type GitOptions } from "./git.ts";
import { ignoredNames } from "./ignored.ts";
import { nameOfText, type FileName } from "./names.ts";
import { HostRepository, TEST_ENV } from "./testing/host-repository.ts";

/** Counts what is read of its git. */
class CountingGit extends Git {
  readonly commands: string[] = [];
  bytes = 0;

  override async run(args: readonly string[], options: GitOptions): Promise<GitAnswer> {
    this.commands.push(args[0] ?? "");
    const answer = await super.run(args, options);
    this.bytes += answer.stdout.length;
    return answer;
  }

  override async *stream(args: readonly string[], options: GitOptions): AsyncGenerator<Buffer> {
    this.commands.push(args[0] ?? "");
    for await (const chunk of super.stream(args, options)) {
      this.bytes += chunk.length;
      yield chunk;
    }
  }
}

async function scene(contents: Readonly<Record<string, Buffer>>) {
  const host = new HostRepository();
  const store = host.stores.of("vm1");
  await store.create(host.git, `${host.top}/.git/objects`);
  const ignoreFiles = new Map<FileName, string>();
  for (const [serial, [name, content]] of Object.entries(contents).entries()) {
    const writer = writeBlob(store.objects, content.length, serial);
    await writer.write(content);
    ignoreFiles.set(nameOfText(name), await writer.finish());
  }
  const git = new CountingGit({ env: TEST_ENV });
  const ask = async (...names: readonly string[]) => {
    await using scratch = await host.stores.scratch();
    return [...(await ignoredNames(git, { store, scratch: scratch.path, ignoreFiles, names: names.map(nameOfText) }))];
  };
  return { git, ask, [Symbol.dispose]: () => host[Symbol.dispose]() };
}

test("many, in their directories, with one git", async () => {
  using it = await scene({
    ".gitignore": Buffer.from("*.o\n"),
    "a/.gitignore": Buffer.from("!keep.o\n"),
    "b/.gitignore": Buffer.from("*.o\n"),
  });
  assert.deepEqual(await it.ask("x.o", "a/keep.o", "b/x.o", "b/x.c"), ["x.o", "b/x.o"]);
  assert.deepEqual(it.git.commands, ["cat-file", "check-ignore"]);
});

test("one that is too long is not read to its end", async () => {
  using it = await scene({ ".gitignore": Buffer.alloc(32 * 1024 * 1024, "x\n") });
  await assert.rejects(it.ask("a"), { code: "workspace.unsafe", message: ".gitignore in the guest is larger than 1048576 bytes" });
  assert.ok(it.git.bytes < 2 * 1024 * 1024, `${it.git.bytes} bytes were read`);
});
