// No half copies: files that cannot be read, and files that change while they are read.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, chmodSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Client, UploadBody } from "@banger/api";
import { blobId } from "./blob-writer.ts";
import { sendFiles, type SendReport } from "./send-files.ts";
import { directoryClient } from "./testing/directory-client.ts";
import { HostRepository, TEST_ENV } from "./testing/host-repository.ts";

const NOBODY = 65534;

/** The plan as a user that is not root makes it: root may read everything. */
function planAsNobody(host: HostRepository): string {
  const program = `import { Git } from ${JSON.stringify(join(import.meta.dirname, "git.ts"))};
    import { planWorkspace } from ${JSON.stringify(join(import.meta.dirname, "plan.ts"))};
    const [path, scratch] = process.argv.slice(1);
    const request = { path, guestPath: "/root/repo", includeUntracked: false, mode: "shallow" };
    await planWorkspace(new Git({ env: process.env }), request, scratch).then(
      ({ fileSet }) => console.log(\`\${fileSet.files.length} files\`),
      ({ code, message, hint }) => console.log(\`\${code}: \${message} (\${hint})\`));`;
  const isRoot = process.getuid?.() === 0;
  if (isRoot) execFileSync("chown", ["-R", `${NOBODY}:${NOBODY}`, host.directory]);
  return execFileSync(process.execPath, ["--input-type=module", "--eval", program, "--", host.top, host.directory], {
    cwd: "/",
    env: TEST_ENV,
    encoding: "utf8",
    ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
  });
}

/** Root's own sources may be in a directory of root's. */
function canNobodyRead(path: string): boolean {
  if (process.getuid?.() !== 0) return true;
  const program = "require('node:fs').readFileSync(process.argv[1])";
  return spawnSync(process.execPath, ["--eval", program, "--", path], { cwd: "/", uid: NOBODY, gid: NOBODY }).status === 0;
}

test("files that cannot be read are refused by name, before anything is made", async (t) => {
  if (!canNobodyRead(import.meta.filename)) return t.skip("these sources can be read by root alone, who may read everything");
  using host = new HostRepository();
  for (const name of ["a", "secret", "dir/deep/b", "dir/c"]) host.write(name, name);
  host.commit();
  assert.equal(planAsNobody(host), "4 files\n");
  const hint = "chmod +r, or git rm --cached, then try again";
  await t.test("a file", () => {
    chmodSync(join(host.top, "secret"), 0);
    assert.equal(planAsNobody(host), `workspace.unreadable: the copy would be half a copy: secret cannot be read (${hint})\n`);
  });
  await t.test("all below a directory", () => {
    chmodSync(join(host.top, "dir"), 0);
    assert.equal(
      planAsNobody(host),
      `workspace.unreadable: the copy would be half a copy: dir/c, dir/deep/b, secret cannot be read (${hint})\n`,
    );
    chmodSync(join(host.top, "dir"), 0o755);
  });
});

const SIZE = 1_000_000;

/** What is sent of a file that `change` is done to once a part of it has been read. */
async function sendWhile(host: HostRepository, change: () => void): Promise<{ readonly report: SendReport; readonly bytes: Buffer }> {
  const { fileSet, objects } = await host.plan();
  const report: SendReport = { sent: [], vanished: [], again: [], torn: [] };
  const pieces: Buffer[] = [];
  for await (const piece of sendFiles({ top: host.top, files: fileSet.files, objects, keeps: () => false }, report)) {
    if (pieces.length === 0) change();
    pieces.push(piece);
  }
  return { report, bytes: Buffer.concat(pieces) };
}

function withBigFile(): HostRepository {
  const host = new HostRepository();
  host.write("big", Buffer.alloc(SIZE, "x"));
  host.commit();
  return host;
}

test("one that shrinks while it is read is as long as it was, told, and sent again", async () => {
  using host = withBigFile();
  const { report, bytes } = await sendWhile(host, () => truncateSync(join(host.top, "big"), SIZE / 2));
  assert.deepEqual([report.torn, report.vanished, report.sent], [["big"], [], []]);
  const content = bytes.subarray(512, 512 + SIZE);
  assert.equal(bytes.length, 512 + Math.ceil(SIZE / 512) * 512);
  assert.deepEqual([content[0], content.at(-1)], [0x78, 0]);
  assert.deepEqual(
    report.again.map(({ sent }) => sent.id),
    [blobId(content)],
  );
});

test("one that grows is cut where it ended when it was opened", async () => {
  using host = withBigFile();
  const { report, bytes } = await sendWhile(host, () => appendFileSync(join(host.top, "big"), "more"));
  assert.deepEqual([report.torn, report.again], [[], []]);
  assert.equal(report.sent[0]?.id, host.run("rev-parse", "HEAD:big").trim());
  assert.equal(bytes.length, 512 + Math.ceil(SIZE / 512) * 512);
});

test("in the end the guest has what the record says, and it is told", async () => {
  using host = withBigFile();
  const plan = await host.plan();
  let isFirst = true;
  const client: Client = directoryClient(host.guest);
  const upload = client.upload.bind(client);
  const changing = async function* (source: UploadBody["source"]) {
    for await (const piece of source) {
      if (isFirst) truncateSync(join(host.top, "big"), SIZE / 2);
      isFirst = false;
      yield piece as Buffer;
    }
  };
  Object.assign(client, {
    async upload(...[route, input, { source }]: Parameters<typeof upload>) {
      const { Readable } = await import("node:stream");
      return await upload(route, input, { source: Readable.from(changing(source)) });
    },
  });
  const report = await host.copy(plan, { client });
  assert.deepEqual(report.torn, ["big"]);
  const guest = readFileSync(join(host.guest, "big"));
  assert.equal(guest.length, SIZE / 2);
  const store = host.stores.of("vm1");
  const recorded = await store.readTree(host.git, report.record.baseTree);
  assert.deepEqual(
    [...recorded.values()].map(({ id }) => id),
    [blobId(guest)],
  );
});
