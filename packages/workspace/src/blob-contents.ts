// Contents out of the store, many with one git: `git cat-file --batch`, https://git-scm.com/docs/git-cat-file#_batch_output.
import { BangerError } from "@banger/api";
import type { Git } from "./git.ts";
import { bytesOf } from "./names.ts";
import type { WorkspaceStore } from "./store.ts";

const NEWLINE = 0x0a;

/** The blobs in their order, each in pieces, to be read before the next one. Throws `host.command_failed` for one that is not there. */
export async function* blobContents(git: Git, store: WorkspaceStore, ids: readonly string[]): AsyncGenerator<AsyncIterable<Buffer>> {
  if (ids.length === 0) return;
  const input = bytesOf(ids.map((id) => `${id}\n`).join(""));
  const answer = new Answer(git.stream(["cat-file", "--batch"], { cwd: store.directory, variables: store.variables, input }));
  try {
    for (const id of ids) {
      const line = await answer.line();
      const size = line.startsWith(`${id} blob `) ? Number(line.slice(id.length + " blob ".length)) : Number.NaN;
      if (!Number.isSafeInteger(size)) throw new BangerError("host.command_failed", `git cat-file has no content ${id}: ${line}`);
      const content = answer.pieces(size);
      yield content;
      for await (const _unread of content);
      await answer.line();
    }
    await answer.end();
  } finally {
    await answer.close();
  }
}

class Answer {
  readonly #source: AsyncGenerator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncGenerator<Buffer>) {
    this.#source = source;
  }

  /** Up to the next newline, which is taken too. */
  async line(): Promise<string> {
    for (let at = this.#rest.indexOf(NEWLINE); ; at = this.#rest.indexOf(NEWLINE)) {
      if (at !== -1) {
        const line = this.#rest.toString("latin1", 0, at);
        this.#rest = this.#rest.subarray(at + 1);
        return line;
      }
      this.#rest = Buffer.concat([this.#rest, await this.#more()]);
    }
  }

  async *pieces(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0;) {
      if (this.#rest.length === 0) this.#rest = await this.#more();
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** Fails as git does. */
  async end(): Promise<void> {
    await this.#source.next();
  }

  async close(): Promise<void> {
    await this.#source.return(undefined);
  }

  async #more(): Promise<Buffer> {
    const { done, value } = await this.#source.next();
    if (done === true) throw new BangerError("host.command_failed", "git cat-file breaks off");
    return value;
  }
}
