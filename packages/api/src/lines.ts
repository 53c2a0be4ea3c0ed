// Lines of a byte stream, as NDJSON is read.
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** The non-empty lines of `stream`. Ends with it; throws its error. */
export async function* readLines(stream: Readable): AsyncGenerator<string> {
  let failure: Error | undefined;
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  stream.once("error", (error: Error) => {
    failure = error;
    lines.close();
  });
  for await (const line of lines) {
    if (line !== "") yield line;
  }
  if (failure !== undefined) throw failure;
}
