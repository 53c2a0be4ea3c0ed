// What rows measure on: a banger of their own, one warm VM for a whole round, and the floor's raw machine.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { resolvePaths, type DriverName, type Paths } from "@banger/api";
import type { Banger } from "../test/smoke/banger.ts";
import { ownerOf } from "../scripts/leftovers.ts";
import { benchHome } from "../test/smoke/own-home.ts";
import { openOwnState, type OwnState } from "../test/smoke/own-state.ts";
import { sweep } from "../test/smoke/sweep.ts";
import { jailedArgv, pidsOf, type JailedArgv, type VmmPids } from "./jailed-argv.ts";
import { bootRaw, type RawGuest } from "./raw-machine.ts";
import type { RepositorySize } from "./repository.ts";
import { Unmeasurable } from "./row.ts";

export const MEMORY_MIB = 1024;
/** Of every VM that has a floor. The floor knows QEMU's arguments, so QEMU it is. */
export const VM_FLAGS = vmFlags("qemu");

export function vmFlags(driver: DriverName): readonly string[] {
  return ["--driver", driver, "--vcpu", "2", "--memory", `${MEMORY_MIB}M`, "--disk-size", "4G"];
}

/** The VM whose data disk the floor copies. */
const EMPTY = "empty";

export interface WarmVm {
  readonly name: string;
  readonly pids: VmmPids;
  /** argv of plain ssh to it, from inside the guests' network, with these options added. */
  readonly ssh: (...options: readonly string[]) => readonly string[];
}

export interface StandOptions {
  readonly build: string;
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
  /** Of the repository that rows copy. */
  readonly repositorySize: RepositorySize;
}

export class Stand {
  readonly banger: Banger;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** The Node that banger runs on. */
  readonly node: string;
  readonly paths: Paths;
  readonly scratch: string;
  readonly repositorySize: RepositorySize;
  readonly #uid: number;
  readonly #model: JailedArgv;
  readonly #emptyDisk: string;
  #warm: Promise<WarmVm> | undefined;
  #names = 0;

  private constructor(options: StandOptions, state: OwnState, learned: { readonly model: JailedArgv; readonly emptyDisk: string }) {
    this.banger = state.banger;
    this.env = state.env;
    this.signal = options.signal;
    this.repositorySize = options.repositorySize;
    this.node = join(options.build, "lib/node");
    this.paths = pathsOf(options.uid, state.home);
    this.scratch = join(state.home, "scratch");
    this.#uid = options.uid;
    this.#model = learned.model;
    this.#emptyDisk = learned.emptyDisk;
  }

  /** Learns from a first VM, which also warms the host's caches, how the floor is to be booted. */
  static async open(options: StandOptions): Promise<Stand> {
    const state = await openOwnState({ ...options, home: benchHome(options.uid) });
    const { banger } = state;
    const { vmsDir } = pathsOf(options.uid, state.home);
    const scratch = join(state.home, "scratch");
    await mkdir(scratch, { recursive: true });
    await banger.ok("vm", "run", "--detach", "--name", "model", ...VM_FLAGS);
    await banger.ok("vm", "create", "--no-start", "--name", EMPTY, ...VM_FLAGS);
    const model = await jailedArgv((await pidsOf(join(vmsDir, await idOf(banger, "model")))).jail);
    await banger.ok("vm", "delete", "model");
    return new Stand(options, state, { model, emptyDisk: join(vmsDir, await idOf(banger, EMPTY), "data.ext4") });
  }

  /** Ends all that a bench, also an interrupted one, has left; the image is kept. */
  static async cleanUp({ uid, log }: StandOptions): Promise<void> {
    await sweep(benchHome(uid), { owner: await ownerOf(uid), say: log });
  }

  /** A name no VM has had. */
  name(): string {
    this.#names += 1;
    return `bench-${this.#names}`;
  }

  async vmDir(name: string): Promise<string> {
    return join(this.paths.vmsDir, await idOf(this.banger, name));
  }

  /** Boots one VM for all rows of a round that want one. */
  warm(): Promise<WarmVm> {
    this.#warm ??= this.#bootWarm();
    return this.#warm;
  }

  /** After a row that failed: ends what it left running beside the warm VM, which goes too if it is the one that failed. */
  async clear(): Promise<void> {
    const warm = await this.#warm?.catch(() => undefined);
    if (warm === undefined) this.#warm = undefined;
    const listed = (await this.banger.json("vm", "list")) as readonly { readonly name: string }[];
    const left = listed.map(({ name }) => name).filter((name) => name !== EMPTY && name !== warm?.name);
    if (left.length > 0) await this.banger.ok("vm", "delete", "--discard-changes", ...left);
  }

  async endRound(): Promise<void> {
    if (this.#warm === undefined) return;
    const { name } = await this.#warm;
    this.#warm = undefined;
    await this.banger.ok("vm", "delete", name);
  }

  raw(): Promise<RawGuest> {
    return bootRaw({ model: this.#model, emptyDisk: this.#emptyDisk, directory: join(this.scratch, "raw"), signal: this.signal });
  }

  async #bootWarm(): Promise<WarmVm> {
    const name = this.name();
    await this.banger.ok("vm", "run", "--detach", "--wait", "ssh", "--name", name, ...VM_FLAGS);
    const { id, address, sshHostKey } = await vmOf(this.banger, name);
    const pids = await pidsOf(join(this.paths.vmsDir, id));
    const knownHosts = join(this.scratch, "known_hosts");
    await writeFile(knownHosts, `${id} ${sshHostKey.trim()}\n`);
    // Root needs only the network namespace; an ordinary user gets there through the user namespace that owns it.
    const entered = this.#uid === 0 ? ["--net"] : ["--user", "--net", "--preserve-credentials"];
    const ssh = (...options: readonly string[]) => {
      if (address === null) throw new Unmeasurable("guests have no network on this host: plain ssh cannot reach one");
      const fixed = {
        HostKeyAlias: id,
        UserKnownHostsFile: knownHosts,
        StrictHostKeyChecking: "yes",
        IdentitiesOnly: "yes",
        LogLevel: "ERROR",
      };
      const key = join(this.paths.stateDir, "ssh/id_ed25519");
      const set = Object.entries(fixed).flatMap(([option, value]) => ["-o", `${option}=${value}`]);
      return [
        "nsenter",
        ...entered,
        "--target",
        String(pids.jail),
        "--",
        "ssh",
        "-F",
        "none",
        "-i",
        key,
        ...set,
        ...options,
        `root@${address}`,
      ];
    };
    return { name, pids, ssh };
  }
}

interface ShownVm {
  readonly id: string;
  readonly address: string | null;
  readonly sshHostKey: string;
}

async function vmOf(banger: Banger, name: string): Promise<ShownVm> {
  return (await banger.json("vm", "show", name)) as ShownVm;
}

async function idOf(banger: Banger, name: string): Promise<string> {
  return (await vmOf(banger, name)).id;
}

function pathsOf(uid: number, home: string): Paths {
  return resolvePaths({ uid, home, env: { BANGER_HOME: home } });
}
