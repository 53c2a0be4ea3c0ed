// Archives on their way into the fake agent: in the body, or by a file that stands for the guest's bulk disk.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { open } from "node:fs/promises";
import type { ServerHttp2Stream } from "node:http2";
import { buffer, text } from "node:stream/consumers";
import { BULK_DISK } from "../../daemon/src/guest/contract.ts";
import { changedIn } from "./tar-expectations.ts";

/** What the agent would answer. */
export interface Unpacked {
  readonly status: number;
  readonly body: { readonly files: number; readonly bytes: number } | { readonly code: string; readonly message: string };
}

const NO_TAR: Unpacked = { status: 400, body: { code: "bad_request", message: "the body is no tar" } };

/** Unpacks the body below `target`. */
export async function unpackBody(stream: ServerHttp2Stream, target: string): Promise<Unpacked> {
  await once(stream, "readable");
  const head: Buffer | null = stream.read();
  if (head !== null && !isTar(head)) return NO_TAR;
  if (head !== null) stream.unshift(head);
  return unpack(await buffer(stream), target);
}

/** Unpacks the parts on `disk` whose lengths the body tells, saying each time that one has been taken. */
export async function unpackParts(stream: ServerHttp2Stream, disk: string, target: string): Promise<Unpacked> {
  const say = (free: number) => stream.write(`${JSON.stringify({ free })}\n`);
  await using file = await open(disk);
  const parts: Buffer[] = [];
  say(BULK_DISK.slots);
  for await (const length of lengthsOf(stream)) {
    const part = Buffer.alloc(length);
    await file.read(part, 0, length, (parts.length % BULK_DISK.slots) * BULK_DISK.slotBytes);
    if (parts.length === 0 && !isTar(part)) return NO_TAR;
    parts.push(part);
    say(1);
  }
  return unpack(Buffer.concat(parts), target);
}

async function* lengthsOf(stream: ServerHttp2Stream): AsyncGenerator<number> {
  let rest = Buffer.alloc(0);
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk]);
    for (; rest.length >= 4; rest = rest.subarray(4)) yield rest.readUInt32BE();
  }
}

/** GNU tar would look for a tar further on, for ever. */
function isTar(head: Buffer): boolean {
  return head.length < 262 || head.toString("latin1", 257, 262) === "ustar";
}

async function unpack(archive: Buffer, target: string): Promise<Unpacked> {
  const changed = changedIn(archive, target);
  if (changed !== undefined) return { status: 409, body: { code: "changed", message: `${changed}: changed meanwhile` } };
  mkdirSync(target, { recursive: true });
  const flags = ["-x", "-v", "--no-same-owner", "--totals", "--warning=no-unknown-keyword", "-C", target];
  const tar = spawn("tar", flags, { stdio: ["pipe", "pipe", "pipe"] });
  tar.stdin.on("error", () => undefined);
  tar.stdin.end(archive);
  const closed = new Promise<number | null>((resolve) => tar.once("close", resolve));
  const [names, words] = await Promise.all([text(tar.stdout), text(tar.stderr)]);
  if ((await closed) !== 0) return { status: 400, body: { code: "bad_request", message: words.split("\n")[0] ?? "tar failed" } };
  const files = names.split("\n").filter((name) => name !== "" && !name.endsWith("/")).length;
  return { status: 200, body: { files, bytes: archive.length } };
}
