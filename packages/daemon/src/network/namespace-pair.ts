// Anchor and pasta as one thing: started, found again after a crash of the daemon, and ended together.
import { isProcessAlive, type ProcessIdentity, type RunAs } from "@banger/host";
import { startAnchor } from "./anchor.ts";
import { endProcesses, findMarked, markerOf } from "./detached.ts";
import type { DnsPlan } from "./dns-plan.ts";
import { startPasta } from "./pasta.ts";
import { pastaHasDnsHost } from "./pasta-version.ts";
import type { Programs } from "./programs.ts";
import { readRecord, writeRecord, type NetworkRecord } from "./record.ts";

export interface NamespacePairDeps {
  readonly dataDir: string;
  readonly recordFile: string;
  readonly logFile: string;
  readonly runAs: RunAs | null;
  /** Called when either process that this daemon started has ended. */
  readonly onExit: () => void;
}

export class NamespacePair {
  readonly #deps: NamespacePairDeps;
  readonly #marker: string;
  #record: NetworkRecord | null = null;
  #hasDnsHost: boolean | undefined;

  constructor(deps: NamespacePairDeps) {
    this.#deps = deps;
    this.#marker = markerOf(deps.dataDir);
  }

  get anchor(): ProcessIdentity | null {
    return this.#record?.anchor ?? null;
  }

  get pasta(): ProcessIdentity | null {
    return this.#record?.pasta?.process ?? null;
  }

  get isAnchorAlive(): boolean {
    return this.anchor !== null && isProcessAlive(this.anchor);
  }

  get isPastaAlive(): boolean {
    return this.pasta !== null && isProcessAlive(this.pasta);
  }

  /** Whether the pasta that runs can serve the plan: only a stub needs it to take the queries. */
  canServe(plan: DnsPlan): boolean {
    return this.#record?.pasta?.takesDns === (plan.kind === "stub");
  }

  /**
   * Takes up what a former daemon recorded and ends what it started without having recorded it; such processes serve no VM
   * yet. Answers whether there is a living anchor.
   */
  async adopt(): Promise<boolean> {
    this.#record = (await readRecord(this.#deps.recordFile)) ?? null;
    const known = new Set([this.anchor?.pid, this.pasta?.pid]);
    const uid = this.#deps.runAs?.uid ?? process.getuid?.() ?? -1;
    const orphans = (await findMarked(this.#marker, uid)).filter(({ pid }) => !known.has(pid));
    await endProcesses(orphans);
    if (!this.isAnchorAlive) await this.close();
    return this.isAnchorAlive;
  }

  async open(programs: Programs, signal: AbortSignal): Promise<void> {
    const { runAs, logFile, onExit } = this.#deps;
    const anchor = await startAnchor({ programs, runAs, marker: this.#marker, logFile, onExit, signal });
    await this.#write({ anchor, pasta: null }, anchor);
  }

  /** Gives the namespace its way out, in place of a former pasta. Throws `network.setup_failed`. */
  async startUplink(programs: Programs, dns: DnsPlan, signal: AbortSignal): Promise<void> {
    const { anchor } = this;
    if (anchor === null) throw new Error("no anchor for pasta to join");
    if (this.pasta !== null) await endProcesses([this.pasta]);
    const hasDnsHost = await this.forwardsTcpDns(programs);
    const { runAs, logFile, onExit } = this.#deps;
    const pasta = await startPasta({
      programs,
      runAs,
      anchorPid: anchor.pid,
      marker: this.#marker,
      dns,
      hasDnsHost,
      logFile,
      onExit,
      signal,
    });
    await this.#write({ anchor, pasta: { process: pasta, takesDns: dns.kind === "stub" } }, pasta);
  }

  /** Whether pasta hands on DNS over TCP too. */
  async forwardsTcpDns(programs: Programs): Promise<boolean> {
    this.#hasDnsHost ??= await pastaHasDnsHost(programs.pasta);
    return this.#hasDnsHost;
  }

  /** Ends both. Idempotent. */
  async close(): Promise<void> {
    await endProcesses([this.pasta, this.anchor].filter((identity) => identity !== null));
    await writeRecord(this.#deps.recordFile, null);
    this.#record = null;
  }

  async #write(record: NetworkRecord, started: ProcessIdentity): Promise<void> {
    try {
      await writeRecord(this.#deps.recordFile, record);
      this.#record = record;
    } catch (error) {
      await endProcesses([started]);
      throw error;
    }
  }
}
