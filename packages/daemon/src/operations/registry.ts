// Every piece of long work is an operation: it has an id (in errors, on log lines), a history of progress events that can be
// followed from the start, and an end.
import { BangerError, type Operation as OperationInfo, type ProgressEvent, type ProgressSink } from "@banger/api";
import { diskFullError, isDiskFull } from "@banger/host";

/** How many ended operations stay listable. */
const KEPT = 100;

export interface Operation {
  readonly id: string;
  /** Aborted when the work is to be given up. */
  readonly signal: AbortSignal;
  readonly progress: ProgressSink;
  /** Reports `work` as a stage; `facts` are derived from its result. */
  stage<T>(name: string, work: () => Promise<T>, facts?: (result: T) => Record<string, string | number>): Promise<T>;
  warn(code: string, message: string, hint?: string): void;
}

export interface OperationDeps {
  readonly newId: () => string;
  readonly now: () => Date;
  /** Where the disk is taken to be full when an error does not say. */
  readonly dataDir: string;
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void;
}

export interface RunOptions {
  readonly kind: string;
  readonly target: string | null;
  readonly signal: AbortSignal;
  readonly onEvent?: ProgressSink;
}

interface Entry {
  readonly info: OperationInfo;
  readonly events: ProgressEvent[];
  readonly followers: Set<ProgressSink>;
  readonly ended: Promise<unknown>;
}

export class OperationRegistry {
  readonly #entries = new Map<string, { current: Entry }>();
  readonly #deps: OperationDeps;

  constructor(deps: OperationDeps) {
    this.#deps = deps;
  }

  /** Number of operations under way. */
  get active(): number {
    return [...this.#entries.values()].filter((entry) => entry.current.info.finishedAt === null).length;
  }

  list(): OperationInfo[] {
    return [...this.#entries.values()].map((entry) => entry.current.info);
  }

  /** Runs `work` as an operation; what it throws leaves as a BangerError that carries the operation's id. */
  async run<T>(options: RunOptions, work: (operation: Operation) => Promise<T>): Promise<T> {
    const id = this.#deps.newId();
    const began = performance.now();
    const followers = new Set<ProgressSink>(options.onEvent === undefined ? [] : [options.onEvent]);
    const events: ProgressEvent[] = [];
    const emit: ProgressSink = (event) => {
      events.push(event);
      for (const follower of followers) follower(event);
    };
    const ended = Promise.withResolvers<unknown>();
    ended.promise.catch(() => undefined);
    const info: OperationInfo = {
      id,
      kind: options.kind,
      target: options.target,
      startedAt: this.#deps.now().toISOString(),
      finishedAt: null,
      error: null,
    };
    const entry = { current: { info, events, followers, ended: ended.promise } };
    this.#entries.set(id, entry);
    const finish = (error: BangerError | null) => {
      entry.current = { ...entry.current, info: { ...info, finishedAt: this.#deps.now().toISOString(), error: error?.toBody() ?? null } };
      this.#deps.log(
        { op: id, kind: options.kind, target: options.target, ms: Math.round(performance.now() - began), error: error?.message },
        "operation ended",
      );
      this.#forgetOld();
    };
    emit({ type: "operation", id });
    try {
      const result = await work(operationOf({ id, signal: options.signal, emit, began }));
      finish(null);
      ended.resolve(result);
      return result;
    } catch (cause) {
      const error = withOperation(isDiskFull(cause) ? diskFullError(this.#deps.dataDir, cause) : cause, id, options.signal);
      if (error.code === "internal") this.#deps.log({ op: id, stack: cause instanceof Error ? cause.stack : String(cause) }, "bug");
      finish(error);
      ended.reject(error);
      throw error;
    }
  }

  /** Replays the events of an operation and follows it to its end. Throws `operation.not_found` or the operation's error. */
  async follow(id: string, onEvent: ProgressSink, signal: AbortSignal): Promise<unknown> {
    const entry = this.#entries.get(id)?.current;
    if (entry === undefined) throw new BangerError("operation.not_found", `there is no operation ${JSON.stringify(id)}`);
    for (const event of entry.events) onEvent(event);
    entry.followers.add(onEvent);
    signal.addEventListener("abort", () => entry.followers.delete(onEvent), { once: true });
    try {
      return await entry.ended;
    } finally {
      entry.followers.delete(onEvent);
    }
  }

  #forgetOld(): void {
    const ended = [...this.#entries].filter(([, entry]) => entry.current.info.finishedAt !== null);
    for (const [id] of ended.slice(0, Math.max(0, ended.length - KEPT))) this.#entries.delete(id);
  }
}

interface Running {
  readonly id: string;
  readonly signal: AbortSignal;
  readonly emit: ProgressSink;
  /** By the monotonic clock, in milliseconds. */
  readonly began: number;
}

function operationOf({ id, signal, emit, began }: Running): Operation {
  const atMs = () => Math.round(performance.now() - began);
  return {
    id,
    signal,
    progress: emit,
    async stage(name, work, facts) {
      const start = performance.now();
      emit({ type: "stage.started", stage: name, atMs: atMs() });
      const result = await work();
      const known = facts?.(result);
      emit({
        type: "stage.finished",
        stage: name,
        durationMs: Math.round(performance.now() - start),
        atMs: atMs(),
        ...(known === undefined ? {} : { facts: known }),
      });
      return result;
    },
    warn(code, message, hint) {
      emit({ type: "warning", code, message, ...(hint === undefined ? {} : { hint }) });
    },
  };
}

/** The error as it leaves the daemon: typed, with the operation's id; anything unexpected is `internal`. */
function withOperation(cause: unknown, operationId: string, signal: AbortSignal): BangerError {
  if (cause instanceof BangerError) {
    return BangerError.fromBody({ ...cause.toBody(), operationId });
  }
  if (signal.aborted) return new BangerError("operation.cancelled", "cancelled", { cause, operationId });
  const words = cause instanceof Error ? cause.message : String(cause);
  return new BangerError("internal", `a bug in banger: ${words}`, { hint: "banger daemon logs", cause, operationId });
}
