// Where in a guest a repository may land.
import { usageError } from "../context.ts";

/**
 * Directories that are no place for work, with what is wrong with them. A copy begins before the guest's init does, which then
 * mounts over some of them and empties others: https://www.freedesktop.org/software/systemd/man/latest/tmpfiles.d.html
 */
const UNFIT: readonly (readonly [directory: string, why: string])[] = [
  ["/tmp", "a guest empties it whenever it boots"],
  ["/run", "it lives in the guest's memory and is new at every boot"],
  ["/var/run", "it leads to /run, which is new at every boot"],
  ["/var/lock", "it leads to /run, which is new at every boot"],
  ["/dev", "it is the guest kernel's"],
  ["/proc", "it is the guest kernel's"],
  ["/sys", "it is the guest kernel's"],
];

/** An absolute path without `..` that keeps what is put there. Throws `cli.usage`. */
export function parseGuestPath(text: string): string {
  const isPlain = /^(\/[^/\0]+)+\/?$/.test(text) && !text.split("/").some((part) => part === "." || part === "..");
  if (!isPlain) throw usageError(`${JSON.stringify(text)} is not an absolute path in the guest`, "write it as /root/repo");
  const path = text.replace(/\/$/, "");
  const unfit = UNFIT.find(([directory]) => path === directory || path.startsWith(`${directory}/`));
  if (unfit === undefined) return path;
  throw usageError(`nothing stays in ${unfit[0]}: ${unfit[1]}`, `write it as /root${path.slice(unfit[0].length) || "/repo"}`);
}
