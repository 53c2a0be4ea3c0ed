// What a new VM gets of its owner's files at the first boot: `[[file_sync]]` of config.toml.
import type { Readable } from "node:stream";

export interface SyncedFiles {
  readonly files: number;
  readonly bytes: number;
  /** What was left out and why, for people. */
  readonly leftOut: readonly string[];
}

export interface FileSync {
  /** What there is to copy now, its contents unread. Throws `config.invalid` when it is too much, or config.toml cannot be read. */
  look(): Promise<SyncedFiles>;
  /** The same as a tar of names below root's home; null when there is nothing. */
  read(): Promise<SyncedFiles & { readonly tar: Readable | null }>;
}
