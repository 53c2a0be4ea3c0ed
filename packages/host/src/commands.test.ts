import assert from "node:assert/strict";
import { test } from "node:test";
import { asUser, run } from "./commands.ts";

test("a program that is not there is named with how to get it, also behind setpriv", async () => {
  await assert.rejects(run(["no-such-program"]), { code: "host.command_missing", hint: "banger doctor" });
  const says = (words: string) => run(["sh", "-c", 'echo "$1" >&2; exit 127', "sh", words]);
  const error = { code: "host.command_missing", message: "mkfs.ext4 is not installed", hint: /e2fsprogs$/ };
  await assert.rejects(says("setpriv: failed to execute mkfs.ext4: No such file or directory"), error);
  await assert.rejects(says("mkfs.ext4: No such file or directory"), { code: "host.command_failed" });
});

test("a program that fails as another user is named, not what it was run by", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root: setpriv changes the user");
  const failing = asUser(["sh", "-c", "echo no >&2; exit 3"], { uid: 65_534, gid: 65_534, home: "/" });
  await assert.rejects(run(failing), { code: "host.command_failed", message: "sh failed with status 3: no" });
});

test("setpriv says so", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root: setpriv changes the user");
  const nobody = { uid: 65_534, gid: 65_534, home: "/" };
  await assert.rejects(run(asUser(["no-such-program"], nobody)), { code: "host.command_missing", details: { program: "no-such-program" } });
});

test("programs speak the language that their words are matched in, whatever the daemon was started with", async (t) => {
  const before = { ...process.env };
  t.after(() => Object.assign(process.env, { LC_ALL: before["LC_ALL"] ?? "", LANGUAGE: before["LANGUAGE"] ?? "" }));
  Object.assign(process.env, { LC_ALL: "de_DE.UTF-8", LANGUAGE: "de" });
  const languageOf = async (env?: Readonly<Record<string, string>>) =>
    (await run(["sh", "-c", 'echo "$LC_ALL $HOME"'], env === undefined ? {} : { env })).stdout;
  assert.equal(await languageOf(), `C ${before["HOME"]}`);
  assert.equal(await languageOf({ LC_ALL: "C.UTF-8", HOME: "/" }), "C.UTF-8 /");
});
