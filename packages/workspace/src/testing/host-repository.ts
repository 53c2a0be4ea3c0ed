// A repository in a directory of its own, and a guest that is another.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@banger/api";
import { GUEST_LIMITS, type GuestLimits } from "@banger/api/guest-tree";
import { collectChanges, difference, type Changes } from "../changes.ts";
import { guestSource } from "../changes-source.ts";
import { copyIn, prepareHistory, type CopyReport } from "../copy-in.ts";
import { Git } from "../git.ts";
import { keepWorkTree } from "../into-repository.ts";
import { pathBelow } from "../look.ts";
import { nameOfBytes } from "../names.ts";
import { makePatch } from "../patch.ts";
import { planWorkspace, type WorkspacePlan, type WorkspaceRequest } from "../plan.ts";
import { planBranch, pullOntoBranch, settleBranchPull } from "../pull-branch.ts";
import { finishPull, planWorkTree, pullIntoWorkTree, type WorkTreePlan, type WorkTreePulled } from "../pull-work-tree.ts";
import { carryOutPrepare } from "../prepare-carry-out.ts";
import { planPrepare, type PreparePlan } from "../prepare.ts";
import { refuseObstacles } from "../prepare-obstacles.ts";
import { openRepository } from "../repository.ts";
import type { BranchPull, WorkspaceRecord } from "../store.ts";
import { WorkspaceStores } from "../stores.ts";
import { unmergedLines } from "../work-tree-write.ts";
import { directoryClient } from "./directory-client.ts";

export const TEST_ENV = {
  PATH: process.env["PATH"],
  HOME: "/nonexistent",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
} as const;

interface CopyHooks {
  readonly beforeUpload?: () => void;
  readonly client?: Client;
}

interface PrepareOptions {
  readonly isForced?: boolean;
  readonly client?: Client;
  /** Between the look at the guest and the writing. */
  readonly beforeWriting?: () => void;
}

interface ChangesOptions {
  readonly limits?: GuestLimits;
  readonly client?: Client;
  readonly includeIgnored?: readonly string[];
}

export class HostRepository implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "banger-ws-"));
  readonly top = join(this.directory, "repo");
  readonly guest = join(this.directory, "guest");
  readonly stores = new WorkspaceStores(join(this.directory, "stores"));
  readonly git = new Git({ env: TEST_ENV });

  constructor() {
    mkdirSync(this.top);
    this.run("init", "--quiet", "--initial-branch=main");
    // Git's own upkeep runs in the background, and would write where a test removes.
    this.run("config", "gc.auto", "0");
    this.run("config", "maintenance.auto", "false");
    this.run("config", "user.name", "Ada Lovelace");
    this.run("config", "user.email", "ada@example.invalid");
  }

  run(...args: string[]): string {
    return runGit(this.top, args);
  }

  runWithInput(input: Uint8Array, ...args: string[]): void {
    execFileSync("git", args, { cwd: this.top, env: TEST_ENV, input, stdio: ["pipe", "ignore", "pipe"] });
  }

  write(name: string, content: string | Uint8Array, mode = 0o644): void {
    const path = pathBelow(this.top, Buffer.from(name, "utf8").toString("latin1"));
    mkdirSync(path.subarray(0, path.lastIndexOf(0x2f)), { recursive: true });
    writeFileSync(path, content);
    chmodSync(path, mode);
  }

  link(name: string, target: string): void {
    symlinkSync(target, join(this.top, name));
  }

  commit(message = "change"): string {
    this.run("add", "--all");
    this.run("commit", "--quiet", "--allow-empty", `--message=${message}`);
    return this.run("rev-parse", "HEAD").trim();
  }

  async plan(over: Partial<WorkspaceRequest> = {}): Promise<WorkspacePlan> {
    const scratch = mkdtempSync(join(this.directory, "scratch-"));
    return await planWorkspace(
      this.git,
      { path: this.top, guestPath: "/root/repo", includeUntracked: false, mode: "shallow", ...over },
      scratch,
    );
  }

  /** Copies into the directory that stands for the guest. */
  async copy(plan: WorkspacePlan, { beforeUpload, client = directoryClient(this.guest) }: CopyHooks = {}): Promise<CopyReport> {
    const history = mkdtempSync(join(this.directory, "history-"));
    await prepareHistory(this.git, { plan, directory: history });
    beforeUpload?.();
    return await copyIn({ git: this.git, plan, history, client, vm: { id: "vm1", name: "box" }, store: this.stores.of("vm1"), nowMs: 0 });
  }

  /** What the guest has changed, as a tree. */
  async changes({ limits = GUEST_LIMITS, client = directoryClient(this.guest), includeIgnored }: ChangesOptions = {}): Promise<Changes> {
    const store = this.stores.of("vm1");
    const record = await store.record();
    if (record === undefined) throw new Error("nothing was copied");
    const source = guestSource({ client, vmName: "box", path: "/", limits });
    return await collectChanges({
      git: this.git,
      store,
      record,
      source,
      includeIgnored,
      scratch: mkdtempSync(join(this.directory, "scratch-")),
    });
  }

  /** The copy brought up to date; `isForced` overwrites what is in the way. */
  async prepare({ isForced = false, client = directoryClient(this.guest), beforeWriting }: PrepareOptions = {}): Promise<PreparePlan> {
    const store = this.stores.of("vm1");
    const record = await store.record();
    if (record === undefined) throw new Error("nothing was copied");
    const over = {
      ...(record.hasOwnBranch === true ? { branch: record.branch ?? "" } : {}),
      ...(record.from === undefined ? {} : { from: record.from }),
    };
    const plan = await this.plan({ guestPath: "/", includeUntracked: record.includeUntracked === true, ...over });
    const scratch = mkdtempSync(join(this.directory, "prepare-"));
    const request = {
      git: this.git,
      store,
      record: { ...record, guestPath: "/" },
      plan,
      client,
      vm: { id: "vm1", name: "box" },
      scratch,
      nowMs: 0,
    };
    const planned = await planPrepare(request);
    refuseObstacles(planned.inTheWay, "box", isForced);
    beforeWriting?.();
    await carryOutPrepare(request, planned);
    return planned;
  }

  /** Onto a branch; undefined when there is nothing new. */
  async pullBranch(branch?: string, store = this.stores.of("vm1")): Promise<BranchPull | undefined> {
    const request = { ...(await this.#pulling()), branch, store };
    return await pullOntoBranch(request, await planBranch(request));
  }

  /** What happens before the next pull or copy to one that was killed. */
  async settleBranchPull(): Promise<WorkspaceRecord> {
    return await settleBranchPull(await this.#pulling());
  }

  /** Names that a pull onto the branch would bring. */
  async branchChanges(): Promise<readonly string[]> {
    const request = await this.#pulling();
    const { told } = await planBranch(request);
    const [before, after] = [await request.store.readTree(this.git, told), await request.store.readTree(this.git, request.theirs)];
    return difference(before, after).map(({ name }) => name);
  }

  async pullWorkTree(hooks: { readonly beforeWriting?: () => void } = {}): Promise<WorkTreePlan & WorkTreePulled> {
    const request = await this.#pulling();
    const plan = await planWorkTree(request);
    hooks.beforeWriting?.();
    return { ...plan, ...(await pullIntoWorkTree(request, plan)) };
  }

  /** The plan of a pull, its journal written, and no more. */
  async beginPull(): Promise<WorkTreePlan> {
    const request = await this.#pulling();
    const plan = await planWorkTree(request);
    const { ours, result } = plan;
    const safety = await keepWorkTree(request, { vmName: "box", ours, nowMs: 0 });
    await request.store.saveJournal({
      safety,
      token: "00000000",
      ours,
      result,
      theirs: request.theirs,
      unmerged: [...unmergedLines(plan.conflicts)],
    });
    return plan;
  }

  async finishPull(): ReturnType<typeof finishPull> {
    return await finishPull(await this.#pulling());
  }

  async #pulling() {
    const store = this.stores.of("vm1");
    const changes = await this.changes();
    const record = await store.record();
    if (record === undefined) throw new Error("nothing was copied");
    const repository = await openRepository(this.git, this.top);
    return { git: this.git, store, record, repository, theirs: changes.tree, nowMs: 0 };
  }

  async patch(changes: Changes): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of makePatch(this.git, { store: this.stores.of("vm1"), from: changes.baseTree, to: changes.tree }))
      chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  guestGit(...args: string[]): string {
    return runGit(this.guest, args);
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function runGit(cwd: string, args: readonly string[]): string {
  return execFileSync("git", [...args], { cwd, env: TEST_ENV, encoding: "latin1", stdio: ["ignore", "pipe", "pipe"] });
}

/** Every file and link below a directory but `.git`: names as bytes, modes as git sees them, contents. */
export function snapshot(directory: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const visit = (below: string) => {
    for (const entry of readdirSync(below === "" ? directory : pathBelow(directory, below), { encoding: "buffer" })) {
      const name = below === "" ? nameOfBytes(entry) : `${below}/${nameOfBytes(entry)}`;
      if (name === ".git") continue;
      const path = pathBelow(directory, name);
      const stats = lstatSync(path);
      if (stats.isDirectory()) visit(name);
      else if (stats.isSymbolicLink()) found.set(name, `link ${readlinkSync(path, { encoding: "buffer" }).toString("latin1")}`);
      else found.set(name, `${(stats.mode & 0o100) === 0 ? "file" : "program"} ${readFileSync(path).toString("latin1")}`);
    }
  };
  visit("");
  return found;
}
