// The way out of a guest that does not answer. What the user sends to end a command is the command's; but where the guest shows
// no sign of life, it is banger that ends: at the second Ctrl-C, or a moment after a SIGTERM.
import type { OutputStream, SignalSource } from "../deps.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const satisfies readonly NodeJS.Signals[];
/** Sent by those who do not ask twice. */
const FINAL: ReadonlySet<NodeJS.Signals> = new Set(["SIGTERM", "SIGHUP"]);
/** Milliseconds without a sign of life after which banger ends: a living guest answers in a few, an emulated one in some hundred. */
const GRACE_MS = { final: 2000, secondSignal: 500, secondKey: 1000, remark: 2000 } as const;
/** This many in a row leave a command that lives and ignores them. */
const PATIENCE = 3;
const IN_A_ROW_MS = 2000;
/** ^C, as a terminal in raw mode gives it. */
const INTERRUPT_KEY = 0x03;

export interface WayOutDeps {
  readonly signals: SignalSource;
  readonly stderr: OutputStream;
  /** What ends a line on stderr: a raw terminal wants the carriage return too. */
  readonly newline: string;
  /** Resolves when the guest has answered; rejects when it cannot. */
  readonly ping: (signal: AbortSignal) => Promise<unknown>;
  /** Hands a signal to the command. */
  readonly forward: (signal: NodeJS.Signals) => void;
  /** Gives up on the command. Called once. */
  readonly leave: (signal: NodeJS.Signals) => void;
}

export class WayOut implements Disposable {
  readonly #deps: WayOutDeps;
  #hasStarted = false;
  #hasLeft = false;
  #received: readonly number[] = [];
  /** Since the last sign of life. */
  #asked = 0;
  #isMute = false;
  #leavingBy: NodeJS.Signals | undefined;
  #probe: AbortController | undefined;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(deps: WayOutDeps) {
    this.#deps = deps;
    for (const signal of SIGNALS) deps.signals.on(signal, this.#onSignal);
  }

  /** From now on there is a command that signals are for. */
  started(): void {
    this.#hasStarted = true;
  }

  /** The guest has shown a sign of life. */
  heard(): void {
    this.#asked = 0;
    this.#isMute = false;
    this.#leavingBy = undefined;
    this.#probe?.abort();
    this.#probe = undefined;
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
  }

  /** Looks for a Ctrl-C in what a raw terminal gives; it goes to the guest all the same. */
  typed(chunk: Uint8Array): void {
    if (chunk.includes(INTERRUPT_KEY)) this.#ask("SIGINT", GRACE_MS.secondKey);
  }

  [Symbol.dispose](): void {
    this.heard();
    this.#hasLeft = true;
    for (const signal of SIGNALS) this.#deps.signals.off(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    this.#received = [...this.#received.filter((at) => now - at < IN_A_ROW_MS), now];
    if (this.#received.length >= PATIENCE) return this.#leave(signal);
    if (this.#hasStarted) this.#deps.forward(signal);
    this.#ask(signal, GRACE_MS.secondSignal);
  };

  #ask(signal: NodeJS.Signals, secondMs: number): void {
    if (!this.#hasStarted) return this.#leave(signal);
    this.#asked += 1;
    const isLast = FINAL.has(signal) || this.#asked > 1;
    if (isLast) this.#leavingBy = signal;
    if (isLast && this.#isMute) return this.#leave(signal);
    if (isLast) this.#after(FINAL.has(signal) ? GRACE_MS.final : secondMs, () => this.#leave(signal));
    else this.#after(GRACE_MS.remark, () => this.#mute());
    if (this.#probe === undefined) this.#ping();
  }

  #ping(): void {
    const probe = new AbortController();
    this.#probe = probe;
    this.#deps.ping(probe.signal).then(
      () => this.#probe === probe && this.heard(),
      (error: unknown) => this.#probe === probe && this.#mute(error instanceof Error ? error.message : String(error)),
    );
  }

  /** The guest does not answer: who has asked to leave does, who has not is told how. */
  #mute(why?: string): void {
    if (this.#isMute || this.#hasLeft) return;
    this.#isMute = true;
    if (this.#leavingBy !== undefined) return this.#leave(this.#leavingBy);
    const { stderr, newline } = this.#deps;
    stderr.write(`${newline}! the guest does not answer${why === undefined ? "" : ` (${why})`}: Ctrl-C again leaves it${newline}`);
  }

  #after(ms: number, act: () => void): void {
    this.#timers.push(setTimeout(act, ms));
  }

  #leave(signal: NodeJS.Signals): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#deps.leave(signal);
  }
}
