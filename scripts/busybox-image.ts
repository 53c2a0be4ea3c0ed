// The smallest system that a guest can boot, for tests: a static busybox and its links, and no init.
import { execFile } from "node:child_process";
import { rename } from "node:fs/promises";
import { promisify } from "node:util";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import { run } from "@banger/host";

const MIB = 1024 * 1024;
const DIRECTORIES = ["bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "var"];
const APPLETS =
  "awk cat chmod cp dd env false find grep head id kill ln ls mkdir mkfifo mount mv nc ping poweroff printf ps pwd reboot rm sed sh sleep stat stty tar test touch true tty umount wc";

/** Writes it to `path`, with the busybox of the system in the squashfs `root`. */
export async function writeBusyboxImage(root: string, path: string): Promise<void> {
  const cat = ["--cat", "usr/bin/busybox", root];
  const { stdout: busybox } = await promisify(execFile)("rdsquashfs", cat, { encoding: "buffer", maxBuffer: 16 * MIB });
  const partial = `${path}.partial`;
  await run(["tar2sqfs", "--quiet", "--force", partial], { input: await tarOf(busybox) });
  await rename(partial, path);
}

async function tarOf(busybox: Buffer): Promise<Buffer> {
  const tar = pack();
  for (const name of DIRECTORIES) tar.entry({ name, type: "directory", mode: name === "tmp" ? 0o1777 : 0o755 });
  tar.entry({ name: "bin/busybox", mode: 0o755 }, busybox);
  for (const applet of APPLETS.split(" ")) tar.entry({ name: `bin/${applet}`, type: "symlink", linkname: "busybox" });
  tar.entry({ name: "etc/passwd" }, "root:x:0:0:root:/root:/bin/sh\n");
  tar.entry({ name: "etc/group" }, "root:x:0:\n");
  tar.finalize();
  return buffer(tar);
}
