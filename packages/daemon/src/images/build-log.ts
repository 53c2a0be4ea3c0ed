// Everything the programs of a build say, kept in a file: the user's way to the cause that a short error cannot hold.
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { finished } from "node:stream/promises";

/** The log of one build; written as it comes, for a look while it runs. */
export class BuildLog implements AsyncDisposable {
  readonly path: string;
  readonly #stream: ReturnType<typeof createWriteStream>;

  private constructor(path: string) {
    this.path = path;
    this.#stream = createWriteStream(path, { mode: 0o600 });
    // A log that cannot be written must not end a build.
    this.#stream.on("error", () => {});
  }

  static async open(path: string): Promise<BuildLog> {
    await mkdir(dirname(path), { recursive: true });
    return new BuildLog(path);
  }

  write(line: string): void {
    this.#stream.write(`${line}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.end();
    // An errored stream has told all it will; awaiting it would turn a full disk into the build's failure.
    if (this.#stream.errored === null) await finished(this.#stream, { error: false });
  }
}
