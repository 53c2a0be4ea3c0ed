// What was found out by running a host program, kept until the program or any library changes: starting QEMU just to ask for
// its version costs as much as a whole command of banger.
import { stat } from "node:fs/promises";

/** Written by ldconfig(8), which every installation of a library runs. */
const LINKER_CACHE = "/etc/ld.so.cache";

export class ProgramFacts<T> {
  readonly #find: (path: string) => Promise<T>;
  readonly #known = new Map<string, { readonly identity: string; readonly facts: Promise<T> }>();

  /** `find` asks the program at an absolute path. */
  constructor(find: (path: string) => Promise<T>) {
    this.#find = find;
  }

  /** What is known of the program, or found now; those who ask at once share the asking. A failure is not kept. */
  async of(path: string): Promise<T> {
    const identity = `${await identityOf(path)} ${await identityOf(LINKER_CACHE)}`;
    const known = this.#known.get(path);
    if (known?.identity === identity) return known.facts;
    const facts = this.#find(path);
    this.#known.set(path, { identity, facts });
    facts.catch(() => {
      if (this.#known.get(path)?.facts === facts) this.#known.delete(path);
    });
    return facts;
  }
}

async function identityOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(":");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "none";
    throw error;
  }
}
