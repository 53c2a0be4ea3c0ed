// Progress of a copy: files and bytes, on a terminal as they grow.
import type { CliContext } from "../context.ts";
import { interruptible } from "../interrupt.ts";
import { createProgress } from "../output/progress.ts";

export interface CopyWork {
  readonly signal: AbortSignal;
  onProgress(files: number, bytes: number): void;
}

export interface Copied {
  readonly files: number;
  readonly bytes: number;
}

const REDRAW_MS = 100;
const STAGE = "copy";

/** Runs a copy with progress; an interruption says what was whole by then. */
export async function withCopyProgress<T extends Copied>(
  context: CliContext,
  totalBytes: number | null,
  work: (copy: CopyWork) => Promise<T>,
): Promise<T> {
  using progress = await createProgress(context);
  const sink = progress.sink();
  const began = performance.now();
  const atMs = () => performance.now() - began;
  let [toldAt, files] = [-REDRAW_MS, 0];
  sink({ type: "stage.started", stage: STAGE, atMs: 0 });
  const copied = await interruptible(context.deps, {
    work: (signal) =>
      work({
        signal,
        onProgress(filesNow, bytes) {
          files = filesNow;
          if (atMs() - toldAt < REDRAW_MS) return;
          toldAt = atMs();
          sink({ type: "stage.progress", stage: STAGE, done: bytes, total: totalBytes, unit: "bytes", files, atMs: atMs() });
        },
      }),
    undone: () => Promise.resolve(`cancelled: ${files} files were copied, none is half`),
  });
  sink({ type: "stage.finished", stage: STAGE, durationMs: atMs(), facts: { files: copied.files, bytes: copied.bytes }, atMs: atMs() });
  return copied;
}
