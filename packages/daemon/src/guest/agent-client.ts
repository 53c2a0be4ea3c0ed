// The client of the guest's agent: each call of docs/guest-protocol.md over one HTTP/2 connection.
import type { Duplex, Readable } from "node:stream";
import { BangerError, encodeControl, type ExecBody, type FileStat } from "@banger/api";
import { readBoundedLines } from "./bounded-reading.ts";
import { bound, callJson, expectOk } from "./calls.ts";
import type { GuestClient, GuestConfiguration, GuestEvent, GuestHealth, GuestStats, Removal, Selection, Stamps } from "./contract.ts";
import type { GuestStream } from "./guest-stream.ts";
import {
  clockMessage,
  emptyMessage,
  eventMessage,
  fileStatMessage,
  guestText,
  healthMessage,
  removedMessage,
  statsMessage,
} from "./messages.ts";
import { FilePutter } from "./put-files.ts";
import type { GuestSession } from "./session.ts";
import { receiveFile } from "./transfer.ts";

/** How long the guest may take, in milliseconds. */
export interface GuestDeadlines {
  /** To answer a small call. */
  readonly answerMs: number;
  /** To configure itself. */
  readonly configureMs: number;
  /** To agree to a stream. */
  readonly beginMs: number;
  /** To take the next bytes of a transfer, or give some: its disk may be slow and its memory full of dirty pages. */
  readonly stallMs: number;
  /** To answer after the last byte of a transfer. */
  readonly finishMs: number;
}

/** Generous: an emulated guest on a busy host answers slowly, and a real loss shows as a closed channel. */
const DEADLINES: GuestDeadlines = { answerMs: 20_000, configureMs: 120_000, beginMs: 60_000, stallMs: 120_000, finishMs: 300_000 };
/** Longest line of the event stream, in bytes. */
const MAX_EVENT = 64 * 1024;

export class AgentClient implements GuestClient {
  readonly #session: GuestSession;
  readonly #deadlines: GuestDeadlines;
  readonly #files: FilePutter;

  /** `bulkDisk` is the file behind the VM's bulk disk, if it has one. */
  constructor(session: GuestSession, bulkDisk: string | null = null, deadlines: GuestDeadlines = DEADLINES) {
    this.#session = session;
    this.#deadlines = deadlines;
    this.#files = new FilePutter(session, bulkDisk);
  }

  get closed(): Promise<void> {
    return this.#session.closed;
  }

  health(signal?: AbortSignal): Promise<GuestHealth> {
    return callJson(this.#session, {
      method: "GET",
      path: "/v1/health",
      what: "health",
      timeoutMs: this.#deadlines.answerMs,
      signal,
      result: healthMessage,
    });
  }

  async configure(configuration: GuestConfiguration, signal?: AbortSignal): Promise<void> {
    try {
      await callJson(this.#session, {
        method: "POST",
        path: "/v1/configure",
        what: "configure",
        timeoutMs: this.#deadlines.configureMs,
        signal,
        body: configuration,
        result: emptyMessage,
      });
    } catch (error) {
      if (!(error instanceof BangerError) || error.details?.["agentCode"] === undefined) throw error;
      throw new BangerError("guest.configure_failed", error.message, { details: error.details, cause: error });
    }
  }

  async *events(signal: AbortSignal): AsyncGenerator<GuestEvent> {
    const stream = this.#session.start({ method: "GET", path: "/v1/events", what: "events", hasBody: false });
    const onAbort = () => stream.destroy();
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    let hasBegun = false;
    try {
      await this.#began(stream, "events");
      hasBegun = true;
      for await (const line of readBoundedLines(stream, MAX_EVENT)) {
        const event = parseEvent(line);
        if (event !== undefined) yield event;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof BangerError))
        throw new BangerError("guest.failed", `the guest's events cannot be read: ${(error as Error).message}`, { cause: error });
      if (error.code !== "guest.unreachable" || !hasBegun) throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
      stream.destroy();
    }
  }

  async exec(spec: Omit<ExecBody, "wait"> & { readonly stdin: boolean }): Promise<Duplex> {
    const stream = this.#session.start({ method: "POST", path: "/v1/exec", what: "exec", hasBody: true });
    stream.write(encodeControl(startMessage(spec)));
    return this.#began(stream, "exec");
  }

  async dial(network: "tcp" | "unix", address: string, signal?: AbortSignal): Promise<Duplex> {
    const query = new URLSearchParams({ network, address });
    const stream = this.#session.start({ method: "POST", path: `/v1/dial?${query.toString()}`, what: `dial ${address}`, hasBody: true });
    try {
      return await this.#began(stream, `dial ${address}`, signal);
    } catch (error) {
      if (!(error instanceof BangerError) || error.details?.["agentCode"] === undefined) throw error;
      throw new BangerError("guest.unreachable", `nothing answers at ${address} in the guest: ${error.message}`, {
        details: error.details,
        cause: error,
      });
    }
  }

  putFiles(path: string, tar: Readable, options: { readonly owner?: string } = {}) {
    return this.#files.put(tar, { query: new URLSearchParams({ path, ...options }), what: `files into ${path}`, ...this.#deadlines });
  }

  async getFiles(path: string): Promise<Readable> {
    const what = `files from ${path}`;
    const stream = this.#session.start({
      method: "GET",
      path: `/v1/files?${new URLSearchParams({ path }).toString()}`,
      what,
      hasBody: false,
    });
    return receiveFile(await this.#began(stream, what), this.#deadlines);
  }

  statFile(path: string): Promise<FileStat> {
    return callJson(this.#session, {
      method: "GET",
      path: `/v1/stat?${new URLSearchParams({ path }).toString()}`,
      what: path,
      timeoutMs: this.#deadlines.answerMs,
      result: fileStatMessage,
    });
  }

  selectFiles(selection: Selection): Promise<Readable> {
    return this.#select("/v1/files", selection, `files from ${selection.path}`);
  }

  async removeFiles(selection: Removal): Promise<{ readonly files: number }> {
    return await callJson(this.#session, {
      method: "POST",
      path: "/v1/files/remove",
      what: `removing files from ${selection.path}`,
      timeoutMs: this.#deadlines.finishMs,
      body: selection,
      result: removedMessage,
    });
  }

  async tree(path: string, { stamps }: { readonly stamps?: Stamps | undefined } = {}): Promise<Readable> {
    const what = `the tree at ${path}`;
    const stream = this.#session.start({
      method: "GET",
      path: `/v1/tree?${new URLSearchParams({ path, ...(stamps === undefined ? {} : { stamps }) }).toString()}`,
      what,
      hasBody: false,
    });
    return receiveFile(await this.#began(stream, what), this.#deadlines);
  }

  treeIds(selection: Selection): Promise<Readable> {
    return this.#select("/v1/tree", selection, `the tree at ${selection.path}`);
  }

  async #select(path: string, selection: Selection, what: string): Promise<Readable> {
    const stream = this.#session.start({ method: "POST", path, what, hasBody: true, contentType: "application/json" });
    stream.end(JSON.stringify(selection));
    return receiveFile(await this.#began(stream, what), this.#deadlines);
  }

  stats(): Promise<GuestStats> {
    return callJson(this.#session, {
      method: "GET",
      path: "/v1/stats",
      what: "stats",
      timeoutMs: this.#deadlines.answerMs,
      result: statsMessage,
    });
  }

  async setClock(timeUnixMs: number): Promise<void> {
    await callJson(this.#session, {
      method: "POST",
      path: "/v1/clock",
      what: "clock",
      timeoutMs: this.#deadlines.answerMs,
      body: { timeUnixMs },
      result: clockMessage,
    });
  }

  async shutdown(mode: "poweroff" | "reboot", graceMs: number): Promise<void> {
    await callJson(this.#session, {
      method: "POST",
      path: "/v1/shutdown",
      what: mode,
      timeoutMs: graceMs + this.#deadlines.beginMs,
      body: { mode, graceMs },
      result: emptyMessage,
    });
  }

  /** The stream once the agent has agreed to it; destroyed otherwise. */
  async #began(stream: GuestStream, what: string, signal?: AbortSignal): Promise<GuestStream> {
    using _bound = bound(stream, { what, timeoutMs: this.#deadlines.beginMs, signal });
    try {
      await expectOk(stream, what);
      return stream;
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#session[Symbol.asyncDispose]();
  }
}

function startMessage(spec: Omit<ExecBody, "wait"> & { readonly stdin: boolean }): Readonly<Record<string, unknown>> {
  return {
    type: "start",
    argv: spec.argv,
    env: spec.env ?? {},
    cwd: spec.cwd ?? "",
    user: spec.user ?? "root",
    login: spec.login ?? true,
    tty: spec.tty ?? null,
    stdin: spec.stdin,
  };
}

/** The event of a line; undefined for a type that a newer agent may know. Throws `guest.failed` for what is no event at all. */
function parseEvent(line: string): GuestEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const event = eventMessage.safeParse(value);
    if (event.success) return event.data;
    if (isUnknownEvent(value)) return undefined;
    throw event.error;
  } catch (cause) {
    throw new BangerError("guest.failed", `the guest sent an event that makes no sense: ${guestText(line.slice(0, 200))}`, { cause });
  }
}

function isUnknownEvent(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  return typeof value.type === "string" && !["readiness", "log", "ending"].includes(value.type);
}
