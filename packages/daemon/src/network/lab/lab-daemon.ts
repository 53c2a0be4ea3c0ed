// The test's end of a lab daemon: calls by name, one JSON line each way, and the facts and losses it has told so far.
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Attachment, CheckDepth, NetworkAvailability, VmNetwork } from "../contract.ts";
import type { NetworkFact } from "../user.ts";

interface Failure {
  readonly code: string;
  readonly message: string;
}

export interface Calls {
  availability: { args: readonly [CheckDepth]; result: NetworkAvailability };
  attach: { args: readonly [VmNetwork]; result: Attachment };
  attachAborted: { args: readonly [VmNetwork]; result: Attachment };
  detach: { args: readonly [string]; result: null };
  reconcile: { args: readonly [readonly VmNetwork[]]; result: { readonly lost: readonly string[] } };
  release: { args: readonly []; result: null };
}

export type Line =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: Failure }
  | { readonly fact: NetworkFact }
  | { readonly lost: readonly string[] };

export class LabDaemon {
  readonly facts: NetworkFact[] = [];
  readonly lost: (readonly string[])[] = [];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #calls = 0;

  constructor(argv: readonly string[]) {
    const [program = "", ...args] = argv;
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stderr.pipe(process.stderr);
    this.#child.stdin.on("error", () => undefined);
    createInterface(this.#child.stdout).on("line", (text) => this.#take(JSON.parse(text) as Line));
    this.#child.once("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the lab daemon has ended"));
    });
  }

  async call<Name extends keyof Calls>(name: Name, ...args: Calls[Name]["args"]): Promise<Calls[Name]["result"]> {
    const id = (this.#calls += 1);
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    this.#child.stdin.write(`${JSON.stringify({ id, name, args })}\n`);
    return (await answer.promise) as Calls[Name]["result"];
  }

  /** Dies as if the power went for it alone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
  }

  #take(line: Line): void {
    if ("fact" in line) this.facts.push(line.fact);
    else if ("lost" in line) this.lost.push(line.lost);
    else {
      const answer = this.#waiting.get(line.id);
      this.#waiting.delete(line.id);
      if ("failure" in line) answer?.reject(Object.assign(new Error(line.failure.message), { code: line.failure.code }));
      else answer?.resolve(line.result);
    }
  }
}
