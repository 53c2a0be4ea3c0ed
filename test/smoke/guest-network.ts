// The namespace of the guests' network, entered as its owner enters it: what stands in there is what guests are held by.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { resolvePaths } from "@banger/api";

const execute = promisify(execFile);

/** Pid of the process that holds the namespace; undefined when there is none. */
export async function anchorPid(env: Readonly<Record<string, string>>): Promise<number | undefined> {
  const { runDir } = resolvePaths({ uid: process.getuid?.() ?? 0, home: env["HOME"] ?? "/", env });
  try {
    const record = JSON.parse(await readFile(join(runDir, "network.json"), "utf8")) as { readonly anchor: { readonly pid: number } };
    return record.anchor.pid;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** What `argv` prints inside. */
export async function inGuestNetwork(pid: number, ...argv: readonly string[]): Promise<string> {
  const [program = "", ...args] = [...(await asOwnerOf(pid)), ...enter(pid), ...argv];
  const { stdout } = await execute(program, args, {
    env: { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C" },
    maxBuffer: 16 * 1024 * 1024,
  });
  return stdout;
}

const enter = (pid: number) => ["nsenter", "--user", "--net", "--preserve-credentials", "--target", String(pid), "--"];

/** Root's network belongs to the user its VMs run as, and root has no say in that user's namespace. */
async function asOwnerOf(pid: number): Promise<readonly string[]> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const id = (name: string) => new RegExp(`^${name}:\\t(\\d+)`, "m").exec(status)?.[1] ?? "0";
  if (Number(id("Uid")) === process.getuid?.()) return [];
  return ["setpriv", `--reuid=${id("Uid")}`, `--regid=${id("Gid")}`, "--clear-groups", "--"];
}
