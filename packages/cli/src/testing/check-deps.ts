// What parsing a command line needs, and nothing that could do anything.
import * as childProcess from "node:child_process";
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import type { CliDeps } from "../deps.ts";

export function checkDeps(argv: readonly string[]): CliDeps {
  const nothing = new PassThrough();
  return {
    argv,
    startedAs: undefined,
    env: {},
    uid: 1000,
    cwd: "/",
    home: "/home/nobody",
    stdin: nothing,
    stdout: nothing,
    stderr: nothing,
    isTerminal: { stdin: false, stdout: false, stderr: false },
    childProcess,
    signals: new EventEmitter(),
    now: () => 0,
    self: ["banger"],
    daemonProgram: [],
    exitNow: () => undefined,
  };
}
