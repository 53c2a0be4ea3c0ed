// What a command is given: the process, the output, the daemon.
import { BangerError, type CallInput, type Client, type Paths, type ResultOf } from "@banger/api";
import type { Harmless, Opened } from "./daemon/connect.ts";
import type { CliDeps } from "./deps.ts";
import type { Output } from "./output/output.ts";

export interface CliContext {
  readonly deps: CliDeps;
  readonly output: Output;
  readonly paths: Paths;
  /** What followed `--`; undefined without one. */
  readonly trailing: readonly string[] | undefined;
  /** A remark that is made once, however often there is reason to. */
  tellOnce(remark: string): void;
  /** The daemon, started when it must be. Throws `daemon.unreachable`, `daemon.start_failed`, `api.version_skew`. */
  connect(options?: { readonly signal?: AbortSignal }): Promise<Client>;
  /**
   * The daemon and its answer to a first request that by itself does nothing: one request where `connect` and a call take two.
   * Throws as they do.
   */
  open<R extends Harmless>(route: R, input: CallInput<R>, options?: { readonly signal?: AbortSignal }): Promise<Opened<R>>;
  /** Its answer alone. */
  read<R extends Harmless>(route: R, input: CallInput<R>): Promise<ResultOf<R>>;
  /** What may stand in place of the last of `words`, the command line so far. */
  complete(words: readonly string[], vmNames: (partial: string) => Promise<readonly string[]>): Promise<readonly string[]>;
  /** The daemon's socket, and whether the user named it. */
  readonly socket: { readonly path: string; readonly isExplicit: boolean };
}

/** A wrong command line: exit 2, with the command's help as the way on unless `hint` knows better. */
export function usageError(message: string, hint?: string): BangerError {
  return new BangerError("cli.usage", message, hint === undefined ? {} : { hint });
}
