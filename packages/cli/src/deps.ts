// What the CLI needs of the process it runs in. main.ts makes the real one; tests make their own.
import type { Readable, Writable } from "node:stream";

export type OutputStream = Writable & {
  readonly columns?: number;
  readonly rows?: number;
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
};
export type InputStream = Readable & { setRawMode?(raw: boolean): unknown };

export type ChildProcessModule = Pick<typeof import("node:child_process"), "spawn" | "spawnSync" | "execFile">;
export type SignalListener = (signal: NodeJS.Signals) => void;

export interface SignalSource {
  on(signal: NodeJS.Signals, listener: SignalListener): unknown;
  off(signal: NodeJS.Signals, listener: SignalListener): unknown;
}

export interface CliDeps {
  /** The arguments, without the program. */
  readonly argv: readonly string[];
  /** The path that banger was started by, as it was typed; undefined when only its source was. */
  readonly startedAs: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly home: string;
  /** The directory the command is typed in; undefined when it is gone. */
  readonly cwd: string | undefined;
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly isTerminal: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  readonly signals: SignalSource;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Argv that runs this banger again. */
  readonly self: readonly string[];
  /** Argv of the daemon to start on demand. */
  readonly daemonProgram: readonly string[];
  /** node:child_process, loaded when it is first looked at: most commands start nothing. */
  readonly childProcess: ChildProcessModule;
  /** Ends the process at once, whatever is under way. */
  readonly exitNow: (status: number) => void;
}
