import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { run } from "@banger/host";
import { generateSshKey, publicKeyOf } from "./openssh-key.ts";
import { clientKey, configuredClientKey, makeHostKey, ownClientKey } from "./ssh-identity.ts";

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "banger-ssh-"));
});
after(() => rm(directory, { recursive: true, force: true }));

test("ssh-keygen reads the keys as what they say they are", async () => {
  for (let round = 0; round < 8; round += 1) {
    const comment = "x".repeat(round);
    const key = generateSshKey(comment);
    const path = join(directory, `key${round}`);
    await writeFile(path, key.privateKey, { mode: 0o600 });
    const { stdout } = await run(["ssh-keygen", "-y", "-f", path]);
    assert.equal(stdout.trim(), key.publicKey.trim());
    assert.equal(key.publicKey.split(" ").slice(0, 2).join(" "), publicKeyOf(key.privateKey));
    // It can sign, and the public half agrees.
    await run(["ssh-keygen", "-Y", "sign", "-n", "test", "-f", path], { input: "text" });
  }
});

test("two host keys differ", () => assert.notEqual(makeHostKey("a").privateKey, makeHostKey("a").privateKey));

test("the public part of an encrypted key is found; of another format it is not", async () => {
  const path = join(directory, "encrypted");
  await run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "secret", "-f", path]);
  assert.equal(publicKeyOf(await readFile(path, "utf8")), (await readFile(`${path}.pub`, "utf8")).split(" ").slice(0, 2).join(" "));
  for (const text of ["", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"])
    assert.equal(publicKeyOf(text), undefined);
});

test("a key cut short is no key, wherever it is cut", () => {
  const body = generateSshKey("c").privateKey.split("\n").slice(1, -2).join("");
  const whole = publicKeyOf(generateSshKey("c").privateKey);
  for (let length = 0; length < 120; length += 4) {
    const cut = `-----BEGIN OPENSSH PRIVATE KEY-----\n${body.slice(0, length)}\n-----END OPENSSH PRIVATE KEY-----`;
    const found = publicKeyOf(cut);
    assert.ok(found === undefined || found.split(" ")[1]?.length === whole?.split(" ")[1]?.length);
  }
});

test("banger's own key is made once, private, and found again", async () => {
  const own = join(directory, "state", "ssh");
  const first = await ownClientKey(own);
  assert.equal((await stat(first.path)).mode & 0o777, 0o600);
  assert.equal((await stat(own)).mode & 0o777, 0o700);
  await chmod(first.path, 0o644);
  assert.deepEqual(await clientKey({ sshKeyPath: null, ownDir: own }), first);
  assert.equal((await stat(first.path)).mode & 0o777, 0o600);
  assert.equal((await run(["ssh-keygen", "-y", "-f", first.path])).stdout.trim(), first.publicKey);
  await rm(`${first.path}.pub`);
  assert.deepEqual(await ownClientKey(own), first);
});

test("a key from the config, and what may be wrong with it", async () => {
  const path = join(directory, "mine");
  await run(["ssh-keygen", "-q", "-t", "ecdsa", "-C", "me@home", "-N", "", "-f", path]);
  const publicKey = (await readFile(`${path}.pub`, "utf8")).trim();
  assert.deepEqual(await clientKey({ sshKeyPath: path, ownDir: "/nowhere" }), { path, publicKey });
  await rm(`${path}.pub`);
  assert.equal((await configuredClientKey(path)).publicKey, publicKey.split(" ").slice(0, 2).join(" "));
  await writeFile(`${path}.pub`, "two\nlines");
  await assert.rejects(configuredClientKey(path), { code: "config.invalid", message: /one public key/ });
  await assert.rejects(configuredClientKey(`${path}.pub`), { code: "config.invalid", hint: new RegExp(`${path}$`) });
  await assert.rejects(configuredClientKey(join(directory, "none")), { code: "config.invalid", message: /does not exist/ });
  await writeFile(join(directory, "old"), "-----BEGIN RSA PRIVATE KEY-----\n");
  await assert.rejects(configuredClientKey(join(directory, "old")), { code: "config.invalid", hint: /ssh-keygen -y/ });
  await mkdir(join(directory, "folder"));
  await assert.rejects(configuredClientKey(join(directory, "folder")), { code: "config.invalid", message: /EISDIR/ });
});
