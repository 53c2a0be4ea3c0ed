// A banger that goes on while a scenario does something to it, or to what it works with.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import type { ScenarioContext } from "./scenario.ts";

export interface Ended {
  /** Null when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class RunningBanger implements AsyncDisposable {
  readonly #child: ChildProcess;
  #stdout = "";
  #stderr = "";
  readonly #heard = new Set<() => void>();
  readonly ended: Promise<Ended>;

  constructor({ program, env }: Pick<ScenarioContext, "program" | "env">, args: readonly string[]) {
    const child = spawn(program, args, { env: { ...env }, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", (chunk: Buffer) => {
      this.#stdout += chunk.toString();
      for (const tell of this.#heard) tell();
    });
    child.stderr.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.#child = child;
    this.ended = new Promise((resolve) => {
      const settle = (status: number | null) => resolve({ status, stdout: this.#stdout, stderr: this.#stderr });
      child.once("close", settle).once("error", (error) => {
        this.#stderr += String(error);
        settle(null);
      });
    });
  }

  /** Until stdout has `text`; fails with what it said if it ends before. */
  async untilSays(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<"said">();
    const listen = () => {
      if (this.#stdout.includes(text)) resolve("said");
    };
    this.#heard.add(listen);
    listen();
    const first = await Promise.race([promise, this.ended]);
    this.#heard.delete(listen);
    assert.equal(first, "said", `it ended before it said ${JSON.stringify(text)}: ${JSON.stringify(first)}`);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.ended;
  }
}
