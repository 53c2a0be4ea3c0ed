// A directory of the host below which a guest's files are written. Every step is taken from an open directory (/proc/self/fd, as
// Node has no openat), never through a symlink: one that was there, one the guest sent before, or one put there meanwhile. What
// has its name is whole: it was written beside and renamed.
import {
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  lutimesSync,
  mkdirSync,
  openSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { BangerError } from "@banger/api";
import { bytesOf, shownName, type FileName } from "../names.ts";

export interface FileFacts {
  /** Permission bits. */
  readonly mode: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
}

export interface HostFile {
  write(chunk: Uint8Array): void;
  /** Gives it its name, in place of what had it. */
  finish(facts: FileFacts): void;
  abandon(): void;
}

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const OWNER = 0o700;

export class HostTarget implements Disposable {
  readonly #path: string;
  readonly #root: number;
  /** The directory of the entry before: entries of one directory come together. */
  #last: { readonly name: string; readonly descriptor: number } | undefined;
  #serial = 0;
  /** Modes that could not be set while there was still something to write. */
  readonly #closed: (readonly [name: FileName, mode: number])[] = [];

  /** `path` is a directory, and may be reached through symlinks: the user named it. */
  constructor(path: string) {
    this.#path = path;
    this.#root = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  }

  /** Makes a directory where there is none; one that is there keeps its mode. */
  directory(name: FileName, mode: number): void {
    this.#doing(name, (parent, base) => {
      try {
        mkdirSync(child(parent, base), OWNER);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        return closeSync(openSync(child(parent, base), DIRECTORY));
      }
      if ((mode & OWNER) === OWNER) setMode(child(parent, base), mode);
      else this.#closed.push([name, mode]);
    });
  }

  symlink(name: FileName, target: string, { mtime }: Pick<FileFacts, "mtime">): void {
    this.#doing(name, (parent, base) => {
      const unfinished = child(parent, this.#unfinished());
      symlinkSync(bytesOf(target), unfinished);
      replace(unfinished, child(parent, base), () => lutimesSync(unfinished, mtime, mtime));
    });
  }

  file(name: FileName): HostFile {
    return this.#doing(name, (parent, base) => {
      const unfinished = this.#unfinished();
      const descriptor = openSync(child(parent, unfinished), NEW_FILE, 0o600);
      return {
        write: (chunk) => this.#told(name, () => writeWhole(descriptor, chunk)),
        finish: ({ mode, mtime }) => {
          using _open = { [Symbol.dispose]: () => closeSync(descriptor) };
          this.#doing(name, (again) =>
            replace(child(again, unfinished), child(again, base), () => {
              fchmodSync(descriptor, mode);
              futimesSync(descriptor, mtime, mtime);
            }),
          );
        },
        abandon: () => {
          closeSync(descriptor);
          this.#doing(name, (again) => unlinkSync(child(again, unfinished)));
        },
      };
    });
  }

  /** Sets the modes of directories that keep their owner out. */
  finish(): void {
    for (let last = this.#closed.pop(); last !== undefined; last = this.#closed.pop()) {
      const [name, mode] = last;
      this.#doing(name, (parent, base) => setMode(child(parent, base), mode));
    }
  }

  [Symbol.dispose](): void {
    if (this.#last !== undefined) closeSync(this.#last.descriptor);
    this.#last = undefined;
    closeSync(this.#root);
  }

  #unfinished(): string {
    this.#serial += 1;
    return `.banger-${process.pid}-${this.#serial}`;
  }

  #doing<T>(name: FileName, work: (parent: number, base: string) => T): T {
    return this.#told(name, () => {
      const at = name.lastIndexOf("/");
      return work(this.#parent(at === -1 ? "" : name.slice(0, at)), name.slice(at + 1));
    });
  }

  /** Opened step by step, and made where it is missing. */
  #parent(name: string): number {
    if (name === "") return this.#root;
    if (this.#last?.name === name) return this.#last.descriptor;
    let at = this.#root;
    for (const part of name.split("/")) {
      const above = at;
      try {
        at = openOrMake(above, part);
      } finally {
        if (above !== this.#root) closeSync(above);
      }
    }
    if (this.#last !== undefined) closeSync(this.#last.descriptor);
    this.#last = { name, descriptor: at };
    return at;
  }

  #told<T>(name: FileName, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (cause instanceof BangerError) throw cause;
      throw this.#refused(name, cause as NodeJS.ErrnoException);
    }
  }

  #refused(name: FileName, cause: NodeJS.ErrnoException): BangerError {
    const what = `${this.#path}/${shownName(name)}`;
    switch (cause.code) {
      case "ELOOP":
      case "ENOTDIR":
        return new BangerError("copy.unsafe", `${what} is reached through something that is no directory, as a symlink`, {
          hint: look(what),
          cause,
        });
      case "EISDIR":
      case "ENOTEMPTY":
        return new BangerError("copy.failed", `${what} is a directory here, and none in the guest`, {
          hint: `mv ${what} ${what}.old`,
          cause,
        });
      case "ENOSPC":
      case "EDQUOT":
        return new BangerError("host.disk_full", `no space left for ${what}`, { hint: `df -h ${this.#path}`, cause });
      default:
        return new BangerError("copy.failed", `${what} cannot be written: ${cause.message.replace(/, .*/s, "")}`, {
          hint: look(this.#path),
          cause,
        });
    }
  }
}

function look(path: string): string {
  return `ls -ld ${path}`;
}

function openOrMake(at: number, part: string): number {
  try {
    return openSync(child(at, part), DIRECTORY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    mkdirSync(child(at, part));
    return openSync(child(at, part), DIRECTORY);
  }
}

/** Of the directory itself, never of what a symlink leads to. */
function setMode(directory: Buffer, mode: number): void {
  const descriptor = openSync(directory, DIRECTORY);
  fchmodSync(descriptor, mode);
  closeSync(descriptor);
}

function child(directory: number, name: string): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${directory}/`), bytesOf(name)]);
}

function replace(unfinished: Buffer, name: Buffer, prepare: () => void): void {
  try {
    prepare();
    renameSync(unfinished, name);
  } catch (error) {
    unlinkSync(unfinished);
    throw error;
  }
}

function writeWhole(descriptor: number, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length;) at += writeSync(descriptor, chunk, at);
}
