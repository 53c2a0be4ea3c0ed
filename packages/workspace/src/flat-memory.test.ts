// A copy holds a few pieces of a file at a time, however much goes: tracked files, and those whose contents are kept besides.
import assert from "node:assert/strict";
import { ftruncateSync, openSync, closeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Client, UploadBody } from "@banger/api";
import { directoryClient } from "./testing/directory-client.ts";
import { HostRepository } from "./testing/host-repository.ts";

const MIB = 1024 ** 2;
const FILE_BYTES = 10 * MIB;
const FILES = 20;
/** Beyond what was there before; it is 12 MiB, of 40 as of 600 that are copied. */
const LIMIT_BYTES = 32 * MIB;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes that cannot be let go of. */
function held(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test("200 MiB are copied in 32", async () => {
  using host = new HostRepository();
  const add = (from: number, to: number) => {
    for (let at = from; at < to; at += 1) {
      const file = openSync(join(host.top, `big${at}`), "w");
      ftruncateSync(file, FILE_BYTES);
      closeSync(file);
    }
  };
  add(0, FILES / 2);
  host.commit();
  add(FILES / 2, FILES);
  const plan = await host.plan({ includeUntracked: true });
  const seen = { bytes: 0, mostHeld: 0 };
  const before = held();
  const client = Object.assign(directoryClient(host.guest), {
    async upload(_route: unknown, _input: unknown, { source }: UploadBody) {
      let next = FILE_BYTES;
      for await (const piece of source) {
        seen.bytes += (piece as Buffer).length;
        if (seen.bytes < next) continue;
        next = seen.bytes + FILE_BYTES;
        seen.mostHeld = Math.max(seen.mostHeld, held() - before);
      }
      return { files: 0, bytes: 0 };
    },
  }) as Client;
  await host.copy(plan, { client });
  assert.ok(seen.bytes > FILES * FILE_BYTES, `${seen.bytes} bytes went`);
  assert.ok(seen.mostHeld < LIMIT_BYTES, `${seen.mostHeld} bytes were held`);
});
