// Space set aside beside state.db. Ending and deleting VMs is what makes room on a full disk, and both must be written down
// first: a file of real blocks is then given back a step at a time, and made again once there is room. It is no more than a
// file, so a crash at any moment leaves a shorter one.
import { closeSync, fsyncSync, ftruncateSync, fstatSync, openSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { diskFullError, freeBytesAt, isDiskFull } from "@banger/host";

/** The log of some five hundred pages: the ends of a dozen VMs, and the index that opening the database makes anew. */
export const RESERVE_BYTES = 2 * 1024 * 1024;
/** Given back at a time: another process may be faster at taking it. */
export const RESERVE_STEP_BYTES = 128 * 1024;
/** With less free the disk is as good as full, and the file would be the last straw. */
const REFILL_FROM_BYTES = 64 * 1024 * 1024;

/** How what is written to the state finds its space. */
export type Space = Pick<Reserve, "spare" | "spend">;

export interface ReserveDeps {
  readonly dataDir: string;
  /** Bytes no file system can compress away. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** A reserve that cannot be made, but for want of space. */
  readonly report: (error: unknown) => void;
  /** Default: what the file system of `dataDir` says. */
  readonly freeBytes?: () => Promise<number>;
}

export class Reserve {
  readonly file: string;
  readonly #deps: ReserveDeps;
  #isWhole = false;
  #refilling: Promise<void> | undefined;

  constructor(deps: ReserveDeps) {
    this.#deps = deps;
    this.file = join(deps.dataDir, "state.reserve");
  }

  /** Runs a write that may wait for better times. Throws `host.disk_full`. */
  spare<T>(write: () => T): T {
    try {
      return write();
    } catch (error) {
      throw isDiskFull(error) ? diskFullError(this.#deps.dataDir, error) : error;
    }
  }

  /**
   * Runs a write that must not fail; where the disk is full it is run again with a step of the reserve given back, while there
   * is one. Throws `host.disk_full`.
   */
  spend<T>(write: () => T): T {
    for (;;) {
      try {
        const result = write();
        if (!this.#isWhole) void this.refill();
        return result;
      } catch (error) {
        if (!isDiskFull(error)) throw error;
        if (!this.#giveBack()) throw diskFullError(this.#deps.dataDir, error);
      }
    }
  }

  /** Makes it whole where there is room to spare. Never throws. */
  refill(): Promise<void> {
    this.#refilling ??= this.#fill()
      .catch((error: unknown) => {
        if (!isDiskFull(error)) this.#deps.report(error);
      })
      .finally(() => {
        this.#refilling = undefined;
      });
    return this.#refilling;
  }

  async #fill(): Promise<void> {
    const { dataDir, randomBytes, freeBytes = () => freeBytesAt(dataDir) } = this.#deps;
    if ((await freeBytes()) < REFILL_FROM_BYTES) return;
    await using file = await open(this.file, "a", 0o600);
    const { size } = await file.stat();
    if (size < RESERVE_BYTES) {
      await file.write(randomBytes(RESERVE_BYTES - size));
      await file.sync();
    }
    this.#isWhole = true;
  }

  /** Whether there was something to give. */
  #giveBack(): boolean {
    this.#isWhole = false;
    const descriptor = openIfThere(this.file);
    if (descriptor === undefined) return false;
    try {
      const { size } = fstatSync(descriptor);
      if (size === 0) return false;
      ftruncateSync(descriptor, Math.max(0, size - RESERVE_STEP_BYTES));
      // Some file systems give blocks back only with the next commit.
      fsyncSync(descriptor);
      return true;
    } finally {
      closeSync(descriptor);
    }
  }
}

function openIfThere(file: string): number | undefined {
  try {
    return openSync(file, "r+");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
