// Where a repository may land in a guest.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "@banger/api";
import fc from "fast-check";
import { parseGuestPath } from "./guest-path.ts";

const refusal = (text: string) => {
  try {
    return parseGuestPath(text);
  } catch (error) {
    if (!(error instanceof BangerError)) throw error;
    return `${error.code}: ${error.message} (${error.hint ?? ""})`;
  }
};

test("places that keep what is put there", () => {
  for (const path of ["/root/repo", "/srv/work", "/tmpfs/x", "/home/dev/tmp/x", "/var/tmp/x", "/runs"]) assert.equal(refusal(path), path);
  assert.equal(refusal("/root/repo/"), "/root/repo");
});

test("places that a boot empties or the kernel makes up are refused with the reason", () => {
  assert.equal(refusal("/tmp/repo"), "cli.usage: nothing stays in /tmp: a guest empties it whenever it boots (write it as /root/repo)");
  assert.equal(
    refusal("/run/"),
    "cli.usage: nothing stays in /run: it lives in the guest's memory and is new at every boot (write it as /root/repo)",
  );
  for (const path of ["/tmp", "/dev/shm/x", "/proc/1", "/sys", "/run/x", "/var/run/x", "/var/lock/x"])
    assert.match(refusal(path), /^cli\.usage: nothing stays in /);
});

test("any path: refused, or absolute, without steps back, and none of those", () => {
  const part = fc.constantFrom("tmp", "run", "dev", "proc", "sys", "var", "root", "lock", ".", "..", "", "a b");
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), fc.boolean(), (parts, isAbsolute) => {
      const said = refusal(`${isAbsolute ? "/" : ""}${parts.join("/")}`);
      if (said.startsWith("cli.usage: ")) return;
      assert.match(said, /^(\/[^/]+)+$/);
      assert.doesNotMatch(said, /^\/(tmp|run|dev|proc|sys|var\/run|var\/lock)(\/|$)|\/\.\.?(\/|$)/);
    }),
  );
});
