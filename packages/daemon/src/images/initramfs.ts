// The first root of every guest: the agent as /init and the modules it loads before it can see a disk. Layout:
// docs/guest-protocol.md. Uncompressed, which boots faster than any compression. Two archives, one behind the other, so that a
// new agent does not need the kernel's package again.
import { readFile, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { BangerError } from "@banger/api";
import { KeyedMutex } from "@banger/host";
import { cpioArchive, type CpioEntry } from "./cpio.ts";
import { unlessMissing } from "./missing.ts";
import { digestBytes, writeStoredFile } from "./stored-file.ts";

export interface BootModule {
  /** File name, without a directory. */
  readonly name: string;
  readonly data: Uint8Array;
}

/** The part of the initramfs that belongs to the kernel: /modules with its files and their order. */
export function modulesArchive(modules: readonly BootModule[]): Buffer {
  const order = modules.map(({ name }) => `${name}\n`).join("");
  return cpioArchive([
    directory("modules"),
    { type: "file", path: "modules/order", mode: 0o644, data: Buffer.from(order) },
    ...modules.map(({ name, data }): CpioEntry => ({ type: "file", path: `modules/${name}`, mode: 0o644, data })),
  ]);
}

/** The part that belongs to banger: /init and what it expects to find. */
export function agentArchive(agent: Uint8Array): Buffer {
  return cpioArchive([
    ...["dev", "proc", "sys", "run", "newroot"].map(directory),
    { type: "character-device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { type: "file", path: "init", mode: 0o755, data: agent },
  ]);
}

export interface InitramfsSource {
  /** Where the kernel's files and its initramfs are kept. */
  readonly kernelDir: string;
  /** Archive made by `modulesArchive`. */
  readonly modulesArchivePath: string;
  /** The static agent. */
  readonly agentPath: string;
}

const NAME = /^initramfs-[0-9a-f]{16}\.cpio$/;

/** Keeps the initramfs of each kernel for the present agent. One for the life of the daemon. */
export class InitramfsCache {
  /** Paths by what they were made from, so that a start does not read the agent again. */
  readonly #made = new Map<string, string>();
  readonly #writing = new KeyedMutex();

  /** Path of the initramfs of this kernel with this agent, written if it is not there yet. */
  async path(source: InitramfsSource): Promise<string> {
    using _lock = await this.#writing.lock(source.kernelDir);
    const key = [source.kernelDir, await stamp(source.agentPath), await stamp(source.modulesArchivePath)].join("\n");
    const known = this.#made.get(key);
    if (known !== undefined && (await unlessMissing(stat(known))) !== undefined) return known;
    const { content, digest, path } = await contentOf(source);
    // What an earlier daemon left under that name is not trusted.
    await writeStoredFile(path, [content], { expected: digest });
    this.#made.set(key, path);
    return path;
  }

  /** Removes the initramfs of agents that are gone; nothing boots from them again. Writes nothing: the disk may be full. */
  async removeOthers(source: InitramfsSource): Promise<void> {
    using _lock = await this.#writing.lock(source.kernelDir);
    const current = (await contentOf(source)).path;
    for (const name of await readdir(source.kernelDir)) {
      const path = join(source.kernelDir, name);
      if (NAME.test(name) && path !== current) await rm(path, { force: true });
    }
  }
}

/** The whole initramfs and where it is kept, by its content. */
async function contentOf({ kernelDir, agentPath, modulesArchivePath }: InitramfsSource) {
  const content = Buffer.concat([agentArchive(await readFile(agentPath)), await readFile(modulesArchivePath)]);
  const digest = digestBytes(content);
  return { content, digest, path: join(kernelDir, `initramfs-${digest.sha256.slice(0, 16)}.cpio`) };
}

async function stamp(path: string): Promise<string> {
  const found = await unlessMissing(stat(path));
  if (found === undefined) throw new BangerError("internal", `banger's own file ${path} is missing`, { hint: "install banger again" });
  return `${path} ${found.ino} ${found.size} ${found.mtimeMs}`;
}

function directory(path: string): CpioEntry {
  return { type: "directory", path, mode: 0o755 };
}
