// A client whose guest is a directory: what is uploaded is unpacked by tar, and what is not as the sender says is refused as the
// agent does.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { BangerError, type Client, type Route, type UploadBody } from "@banger/api";
import { manifestBytes, type Manifest } from "@banger/api/guest-manifest";
import { changedIn, changedOf, leadsToDirectory, removeNames, selectionTar, treeLines, type NamesToRemove } from "@banger/testkit";

/** `known` is what its daemon has taken down of the files. */
export function directoryClient(directory: string, known: Manifest = new Map()): Client {
  return {
    socketPath: "/run/test.sock",
    async upload(_route: unknown, _input: unknown, { source }: UploadBody) {
      const archive = await buffer(source);
      refuse(changedIn(archive, directory));
      mkdirSync(directory, { recursive: true });
      const flags = ["--extract", "--file=-", "--warning=no-unknown-keyword", `--directory=${directory}`];
      const tar = spawn("tar", flags, { stdio: ["pipe", "inherit", "inherit"] });
      const ended = new Promise((resolve, reject) =>
        tar.once("close", (status) => (status === 0 ? resolve(status) : reject(new Error(`tar: ${status}`)))),
      );
      tar.stdin.end(archive);
      await ended;
      return { files: 0, bytes: 0 };
    },
    call(_route: unknown, { body: { path, paths64, was } }: { readonly body: NamesToRemove }) {
      const below = join(directory, path);
      refuse(changedOf(below, paths64, was));
      return Promise.resolve({ files: removeNames(below, paths64) });
    },
    bytes(
      route: Route,
      input: {
        readonly query?: { readonly path: string; readonly stamps?: string };
        readonly body?: { readonly path: string; readonly paths64: readonly string[] };
      },
    ) {
      const path = join(directory, (input.query ?? input.body)?.path ?? "");
      if (route.id === "vmFilesSelect") return Promise.resolve(Readable.from(selectionTar(path, input.body?.paths64 ?? [])));
      if (route.id === "workspaceFiles") return Promise.resolve(Readable.from([...manifestBytes(known)]));
      if (!leadsToDirectory(path)) return Promise.reject(new BangerError("guest.path_not_found", `no directory at ${path}`));
      return Promise.resolve(Readable.from([Buffer.from(treeLines(path, input.body?.paths64, input.query?.stamps))]));
    },
  } as unknown as Client;
}

function refuse(changed: string | undefined): void {
  if (changed !== undefined) throw new BangerError("workspace.conflict", `${changed}: changed meanwhile in the guest`);
}
