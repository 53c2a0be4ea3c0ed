// A daemon with one VM whose guest is a directory of the test's, and a repository to copy into it.
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { BangerError, type KeptVm, type Vm, type Workspace } from "@banger/api";
import { manifestBytes } from "@banger/api/guest-manifest";
import { changedIn, changedOf, removeNames, selectionTar, treeLines } from "@banger/testkit";
import type { Script } from "./fake-daemon.ts";
import { fakeVm } from "./fixtures.ts";

/** Who commits, whatever the user of the test is called. */
export const GIT_IDENTITY = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_COUNT: "2",
  GIT_CONFIG_KEY_0: "user.name",
  GIT_CONFIG_VALUE_0: "Ada",
  GIT_CONFIG_KEY_1: "user.email",
  GIT_CONFIG_VALUE_1: "ada@example.invalid",
} as const;

export class GuestWorld {
  readonly directory: string;
  readonly repository: string;
  readonly guestRoot: string;
  vm: Vm | undefined = fakeVm({ id: "0123456789abcdef", name: "api" });
  gone: KeptVm[] = [];
  registered: Workspace | undefined;
  /** Runs before the guest answers that call. */
  before: (call: string) => void | Promise<void> = () => undefined;

  constructor(t: TestContext) {
    const scratch = mkdtempDisposableSync(join(tmpdir(), "banger-world-"));
    t.after(() => scratch.remove());
    this.directory = scratch.path;
    this.repository = join(scratch.path, "repo");
    this.guestRoot = join(scratch.path, "guest");
    for (const path of [this.repository, this.guestRoot]) mkdirSync(path);
    this.git("init", "--quiet", "--initial-branch=main");
    this.write("Makefile", "test:\n");
    this.write("src/a", "a\n");
    this.commit();
  }

  /** Of the copy, where it is by default. */
  get guest(): string {
    return join(this.guestRoot, "root/repo");
  }

  git(...args: string[]): string {
    return execFileSync("git", ["-C", this.repository, ...args], { encoding: "utf8", env: { ...process.env, ...GIT_IDENTITY } });
  }

  write(name: string, content: string | Uint8Array, top = this.repository): void {
    mkdirSync(dirname(join(top, name)), { recursive: true });
    writeFileSync(join(top, name), content);
  }

  commit(): void {
    this.git("add", "--all");
    this.git("commit", "--quiet", "--message=change");
  }

  get script(): Script {
    const below = (path: string) => join(this.guestRoot, path);
    const shown = () =>
      this.vm === undefined ? undefined : { ...this.vm, workspaces: this.registered === undefined ? [] : [this.registered] };
    return {
      vmShow: ({ params }) => {
        const vm = shown();
        if (vm?.name === params.name) return vm;
        throw new BangerError("vm.not_found", `no VM is called ${params.name}`);
      },
      vmList: () => [shown()].filter((vm) => vm !== undefined),
      vmCreate: ({ body }) => (this.vm = fakeVm({ id: "0123456789abcdef", name: body.name ?? "api", leased: body.lease === true })),
      vmDelete: () => {
        this.vm = undefined;
        return { kept: null };
      },
      keptList: () => this.gone,
      vmFilesPut: async ({ query, upload }) => {
        await this.before("vmFilesPut");
        refuse(existsSync(below(query.path)) ? changedIn(upload, below(query.path)) : undefined);
        mkdirSync(below(query.path), { recursive: true });
        const flags = ["--extract", "--file=-", "--warning=no-unknown-keyword", `--directory=${below(query.path)}`];
        execFileSync("tar", flags, { input: upload });
        return { files: 0, bytes: upload.length };
      },
      vmFilesStat: ({ query }) => {
        const stats = lstatSync(below(query.path), { throwIfNoEntry: false });
        if (stats === undefined) throw new BangerError("guest.path_not_found", `nothing is at ${query.path}`);
        return { type: stats.isDirectory() ? "directory" : "file", mode: stats.mode & 0o777, size: stats.size };
      },
      vmFilesRemove: ({ body }) => {
        refuse(changedOf(below(body.path), body.paths64, body.was));
        return { files: removeNames(below(body.path), body.paths64) };
      },
      vmFilesSelect: async ({ body, write }) => write(await buffer(selectionTar(below(body.path), body.paths64))),
      vmTree: async ({ query, write }) => {
        await this.before("vmTree");
        write(treeLines(below(query.path), undefined, query.stamps));
      },
      vmTreeIds: async ({ body, write }) => {
        await this.before("vmTreeIds");
        write(treeLines(below(body.path), body.paths64));
      },
      workspaceFiles: ({ write }) => {
        for (const bytes of manifestBytes(new Map())) write(bytes);
      },
      workspacePut: ({ query: { path, source, tree, head = null, branch = null } }) => {
        const copiedAt = "2026-01-01T00:00:00.000Z";
        return (this.registered = { guestPath: path, source, tree, head, branch, copiedAt, files: 2, kept: null });
      },
    };
  }
}

function refuse(changed: string | undefined): void {
  if (changed !== undefined) throw new BangerError("workspace.conflict", `${changed}: changed meanwhile in the guest`);
}
