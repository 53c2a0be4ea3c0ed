import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BangerError } from "@banger/api";
import { diskFullError, freeBytesAt, isDiskFull } from "./disk-full.ts";

const coded = (code: string, facts: object = {}) => Object.assign(new Error(code), { code, ...facts });
const sqlite = (errcode: number) => coded("ERR_SQLITE_ERROR", { errcode });

test("the system, SQLite and programs all say it", () => {
  const mkfs = new BangerError("host.command_failed", "mkfs.ext4 failed with status 1: No space left on device while writing");
  for (const error of [coded("ENOSPC"), coded("EDQUOT"), sqlite(13), sqlite(4874), mkfs]) assert.equal(isDiskFull(error), true);
  const others = [coded("EIO"), sqlite(5), sqlite(266), new BangerError("guest.failed", "No space left on device"), "ENOSPC", undefined];
  for (const error of others) assert.equal(isDiskFull(error), false);
});

test("the place is the one the system names, else where the write was to go", async () => {
  const path = join(tmpdir(), "not", "there", "data.ext4");
  const error = diskFullError("/", coded("ENOSPC", { path }));
  assert.equal(error.details?.["directory"], join(tmpdir(), "not", "there"));
  assert.match(diskFullError(tmpdir(), sqlite(13)).message, new RegExp(`^\\S+( little)? space is left in ${tmpdir()} \\(.+ free\\)$`));
  assert.equal(diskFullError("/", error), error);
  assert.ok((await freeBytesAt(path)) >= 0);
});
