// Gives back the memory of buffers that nobody holds any more. They lie outside V8's heap, which is not collected on their account
// before they are 64 MB (kExternalAllocationSoftLimit), and a daemon that has gone quiet allocates nothing that would have it
// looked at: what one copy left behind would stay for days.

export interface SpentBuffersDeps {
  /** Bytes of buffers outside the heap, held and spent: `process.memoryUsage().arrayBuffers`. */
  readonly bufferBytes: () => number;
  readonly collectGarbage: () => void;
}

const LOOK_EVERY_MS = 5000;
/** What may lie spent: less is not worth a collection, some 20 ms. */
const SPENT_BYTES = 4 * 1024 * 1024;

/** Looks on for the life of the process, and does not keep it alive. */
export function releaseSpentBuffers({ bufferBytes, collectGarbage }: SpentBuffersDeps): void {
  let held = 0;
  const look = () => {
    const bytes = bufferBytes();
    held = Math.min(held, bytes);
    if (bytes < held + SPENT_BYTES) return;
    collectGarbage();
    held = bufferBytes();
  };
  setInterval(look, LOOK_EVERY_MS).unref();
}
