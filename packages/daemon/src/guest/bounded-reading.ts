// Reads what the guest sends without letting it choose how much memory that takes.
import type { Readable } from "node:stream";

/** The whole of `stream` as text. Throws once it is longer than `maxBytes`; the stream is destroyed then. */
export async function readText(stream: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The non-empty lines of `stream`. Throws when one is longer than `maxBytes`; the stream is destroyed at the end. */
export async function* readBoundedLines(stream: Readable, maxBytes: number): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...parts, chunk.subarray(from, at)]);
      if (line.length > maxBytes) throw new Error(`a line is longer than ${maxBytes} bytes`);
      parts = [];
      length = 0;
      from = at + 1;
      if (line.length > 0) yield line.toString("utf8");
    }
    if (from === chunk.length) continue;
    length += chunk.length - from;
    if (length > maxBytes) throw new Error(`a line is longer than ${maxBytes} bytes`);
    parts.push(chunk.subarray(from));
  }
}
