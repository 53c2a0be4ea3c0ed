// The one way into a guest: parts of a tar stream, written below the directory of the copy.
import { Readable } from "node:stream";
import { routes, type Client } from "@banger/api";
import type { Git } from "./git.ts";
import type { WorkspacePlan } from "./plan.ts";
import type { WorkspaceStore } from "./store.ts";
import { tarEnd } from "./tar-entry.ts";

/** What a copy needs, the first as those that follow. */
export interface IntoGuest {
  readonly git: Git;
  readonly plan: WorkspacePlan;
  readonly client: Client;
  readonly vm: { readonly id: string; readonly name: string };
  readonly store: WorkspaceStore;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  readonly onProgress?: ((files: number, bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Throws `workspace.conflict` for a file that is not what it was, and then nothing after it is written. */
export async function upload({ client, vm, plan, signal }: IntoGuest, parts: readonly AsyncGenerator<Buffer>[]): Promise<void> {
  const source = Readable.from(archive(parts), { objectMode: true, highWaterMark: 1 });
  const query = { path: plan.request.guestPath, owner: "0:0" } as const;
  const body = signal === undefined ? { source } : { source, signal };
  try {
    await client.upload(routes.vmFilesPut, { params: { name: vm.name }, query }, body);
  } finally {
    source.destroy();
  }
}

async function* archive(parts: readonly AsyncGenerator<Buffer>[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield* part;
  yield tarEnd();
}
