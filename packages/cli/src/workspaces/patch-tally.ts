// Counts what goes by in a patch, for the remark on what was written.

/** A file's part begins so; no other line of a patch does: those of contents begin with their sign, those of binary ones hold no blank. */
const FILE_LINE = Buffer.from("\ndiff --git ");

export interface PatchTally {
  files: number;
  bytes: number;
}

/** Passes the patch on; `tally` is right once it has ended. */
export async function* tallied(patch: AsyncIterable<Buffer>, tally: PatchTally): AsyncGenerator<Buffer> {
  // As if a line had ended just before it.
  let tail = Buffer.from("\n");
  for await (const chunk of patch) {
    const text = Buffer.concat([tail, chunk]);
    for (let at = text.indexOf(FILE_LINE); at !== -1; at = text.indexOf(FILE_LINE, at + 1)) tally.files += 1;
    tail = text.subarray(Math.max(0, text.length - FILE_LINE.length + 1));
    tally.bytes += chunk.length;
    yield chunk;
  }
}
