// An agent as the daemon sees it (docs/guest-protocol.md), without a VM: real commands, files and sockets of this host below a
// directory that stands for the guest's root. Boot, readiness, events and failures are the test's to choose.
import { performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import type { ReadinessLevel } from "@banger/api";
import type { GuestConfiguration, GuestEvent, GuestHealth } from "../../daemon/src/guest/contract.ts";
import { answerRequest } from "./fake-agent-calls.ts";
import { eagerWrites } from "./eager-writes.ts";
import { FakeSerialPort } from "./fake-serial-port.ts";

export type Ending = "poweroff" | "reboot" | "halt";

/** What goes wrong, changeable while the agent runs. Paths are as in the protocol, such as `/v1/exec`. */
export interface FakeFaults {
  /** Calls that are taken and never answered. */
  hang?: readonly string[];
  /** Calls that are refused with this error. */
  fail?: Readonly<Record<string, { readonly status: number; readonly code: string; readonly message: string }>>;
  /** New connections are answered with bytes that are no HTTP/2. */
  garbage?: boolean;
  /** New connections are taken and nothing is ever said on them. */
  mute?: boolean;
}

export interface FakeAgentOptions {
  /** An existing directory that stands for the guest's `/`. */
  readonly rootDir: string;
  /** A file that stands for the guest's bulk disk. */
  readonly bulkDisk?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly bootId?: string;
  readonly init?: GuestHealth["init"];
  /** Milliseconds after `configure` at which each level is reached; `null` or missing: never. Default: all at once. */
  readonly readiness?: Readonly<Partial<Record<ReadinessLevel, number | null>>>;
  /** How long `configure` takes, in milliseconds. */
  readonly configureMs?: number;
  readonly faults?: FakeFaults;
  /** What the guest does by itself once it is configured. */
  readonly endsItself?: { readonly mode: Ending; readonly afterMs: number; readonly isForced?: true };
  /** From the announcement of its end to the end, in milliseconds. Default 20. */
  readonly downMs?: number;
  /** `shutdown` is answered and nothing follows. */
  readonly ignoresShutdown?: boolean;
  /** The guest has gone down; a VMM would end or carry on now. */
  readonly onEnded?: (mode: Ending) => void;
  /** Sees how far the clock was set, in milliseconds. */
  readonly onClock?: (offsetMs: number) => void;
  /** The command `panic` was run. */
  readonly onPanic?: () => void;
  /** Sees the process group leader of each exec. */
  readonly onSpawn?: (pid: number) => void;
  /** The agent's only line on the console, as the protocol words it. */
  readonly onConsole?: (line: string) => void;
}

const AT_ONCE = { agent: 0, basic: 0, system: 0, ssh: 0 } as const;

export class FakeAgent implements AsyncDisposable {
  readonly options: FakeAgentOptions;
  faults: FakeFaults;
  stage: GuestHealth["stage"] = "waiting";
  /** The last configuration that was accepted. */
  configuration: GuestConfiguration | undefined;
  /** How far the clock was set, in milliseconds. */
  readonly clockSettings: number[] = [];
  /** How many archives came by the bulk disk. */
  partedUploads = 0;
  readonly serialPort: FakeSerialPort;
  readonly #startedAt = performance.now();
  readonly #history: GuestEvent[] = [];
  readonly #followers = new Set<(event: GuestEvent) => void>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #logSeq = 0;

  constructor(options: FakeAgentOptions) {
    this.options = options;
    this.faults = options.faults ?? {};
    this.serialPort = new FakeSerialPort((session) => this.serve(session));
  }

  /** A connection as over vsock: HTTP/2 from its first byte. */
  serve(channel: Duplex): void {
    channel.on("error", () => undefined);
    if (this.faults.mute === true) return void channel.resume();
    if (this.faults.garbage === true) return void channel.resume().write(Buffer.alloc(4096, "garbage "));
    const session = performServerHandshake(eagerWrites(channel), {
      settings: { initialWindowSize: 512 * 1024, maxConcurrentStreams: 1000 },
    });
    const streams = new Set<ServerHttp2Stream>();
    this.#sessions.add(session);
    session.setLocalWindowSize(1024 * 1024);
    session.on("error", () => undefined);
    session.once("close", () => {
      this.#sessions.delete(session);
      channel.destroy();
      // node:http2 leaves a stream with unread data open, and its command would never be hung up.
      for (const stream of streams) stream.destroy();
    });
    session.on("stream", (stream, headers) => {
      streams.add(stream);
      stream.once("close", () => streams.delete(stream));
      answerRequest(this, stream, headers);
    });
  }

  /** A connection as over a virtio-serial port. */
  serveSerial(channel: Duplex): void {
    if (this.faults.mute === true) return void channel.on("error", () => undefined).resume();
    this.serialPort.attach(channel);
  }

  health(): GuestHealth {
    return {
      version: "0.0.0-fake",
      protocol: 1,
      bootId: this.options.bootId ?? "00000000-0000-4000-8000-000000000000",
      stage: this.stage,
      init: this.stage === "running" ? (this.options.init ?? "systemd") : "",
      readiness: this.#history.flatMap((event) => (event.type === "readiness" ? [event.level] : [])),
      uptimeMs: this.#uptimeMs(),
    };
  }

  async configure(configuration: GuestConfiguration): Promise<void> {
    this.stage = "configuring";
    this.configuration = configuration;
    await new Promise<void>((resolve) => this.#later(this.options.configureMs ?? 0, resolve));
    this.stage = "running";
    this.log("info", `configured as ${configuration.hostname}`);
    for (const level of ["agent", "basic", "system", "ssh"] as const) {
      const afterMs = (this.options.readiness ?? AT_ONCE)[level];
      if (afterMs === 0) this.reach(level);
      else if (typeof afterMs === "number") this.#later(afterMs, () => this.reach(level));
    }
    const { endsItself } = this.options;
    if (endsItself !== undefined) this.#later(endsItself.afterMs, () => this.end(endsItself.mode, endsItself.isForced));
  }

  reach(level: ReadinessLevel): void {
    this.#emit({ type: "readiness", level, atMs: this.#uptimeMs() });
  }

  log(level: "info" | "warn" | "error", message: string): void {
    this.#logSeq += 1;
    this.#emit({ type: "log", seq: this.#logSeq, timeUnixMs: Date.now(), level, message });
  }

  /** The guest goes down by itself: `poweroff` or `reboot` typed inside, or asked for by `shutdown`. Forced, nobody is told. */
  end(mode: Ending, isForced = false): void {
    if (!isForced) {
      this.options.onConsole?.(`banger-agent: guest is going down: ${mode}`);
      this.#emit({ type: "ending", mode });
    }
    // The event is given a moment to leave, as in a real guest, where init takes far longer.
    this.#later(this.options.downMs ?? 20, () => {
      this.dropConnections();
      this.options.onEnded?.(mode);
    });
  }

  /** Cuts every connection mid-word. */
  dropConnections(): void {
    for (const session of this.#sessions) session.destroy();
  }

  /** Replays what has happened, then follows; answers how to stop. */
  follow(listener: (event: GuestEvent) => void): () => void {
    for (const event of this.#history) listener(event);
    this.#followers.add(listener);
    return () => this.#followers.delete(listener);
  }

  #emit(event: GuestEvent): void {
    this.#history.push(event);
    for (const follower of this.#followers) follower(event);
  }

  #uptimeMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  #later(afterMs: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, afterMs);
    this.#timers.add(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    const closed = [...this.#sessions].map((session) => new Promise((resolve) => session.once("close", resolve)));
    this.dropConnections();
    await Promise.all(closed);
  }
}
