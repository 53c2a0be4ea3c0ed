// Prepares what tests boot: bzImage, vmlinux, modules.squashfs from the kernel package of the default image, busybox.squashfs,
// a system without an init, and initramfs.cpio with the agent of this checkout. Kernel files are made once; the initramfs follows the agent.
// Usage: node scripts/test-boot-files.ts DIRECTORY [AGENT]; DIRECTORY is then what BANGER_TEST_BOOT_DIR names.
import { access, mkdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { agentArchive } from "../packages/daemon/src/images/initramfs.ts";
import { buildRecipe } from "../packages/daemon/src/images/recipe.ts";
import { removeLeftBuilds } from "../packages/daemon/src/images/scratch.ts";
import { writeBusyboxImage } from "./busybox-image.ts";
import { readForeignChunks } from "../packages/daemon/src/images/foreign-file.ts";
import { writeStoredFile } from "../packages/daemon/src/images/stored-file.ts";
import { kernelOnly, testBuilderHost } from "../packages/daemon/src/images/test-builder.ts";

const root = dirname(import.meta.dirname);
const [directory, agentPath = join(root, "build/lib/agent")] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: node scripts/test-boot-files.ts DIRECTORY [AGENT]");
const out = resolve(directory);

await mkdir(out, { recursive: true });
if (!(await isThere(join(out, "modules.squashfs")))) await makeKernelFiles();
await makeInitramfs();

async function makeKernelFiles(): Promise<void> {
  const deps = {
    host: await testBuilderHost(process.env["PATH"] ?? "/usr/bin:/bin", process.getuid?.() ?? 0),
    buildsDir: join(out, "builds"),
    logDir: join(out, "log"),
    npmDir: join(root, "node_modules"),
    aptDir: "/etc/apt",
  };
  await removeLeftBuilds(deps.buildsDir, deps.host, (what, error) => process.stderr.write(`left: ${what}: ${String(error)}\n`));
  await using built = await buildRecipe(await kernelOnly(), deps, { signal: new AbortController().signal, report: () => {} });
  await writeStoredFile(join(out, "bzImage"), [built.kernel.bzImage]);
  await writeStoredFile(join(out, "vmlinux"), [built.kernel.vmlinux]);
  await writeStoredFile(join(out, "modules.cpio"), [built.kernel.bootModules]);
  await writeBusyboxImage(built.rootSquashfs, join(out, "busybox.squashfs"));
  // Last: its presence says that all are there.
  await writeStoredFile(join(out, "modules.squashfs"), readForeignChunks(built.modulesSquashfs));
}

async function makeInitramfs(): Promise<void> {
  const agent = await readFile(agentPath).catch((cause: unknown) => {
    throw new Error(`there is no agent at ${agentPath}: make build`, { cause });
  });
  const content = Buffer.concat([agentArchive(agent), await readFile(join(out, "modules.cpio"))]);
  const path = join(out, "initramfs.cpio");
  const present = (await isThere(path)) ? await readFile(path) : undefined;
  if (present?.equals(content) !== true) await writeStoredFile(path, [content]);
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
