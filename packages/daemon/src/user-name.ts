// The name by which the host's files, such as /etc/subuid, know a user. The environment may tell another: USER outlives su.
import { userInfo } from "node:os";

/** The uid itself where the host has no entry for it, as in containers. */
export function ownUserName(uid: number, lookUp: () => { readonly username: string } = userInfo): string {
  try {
    return lookUp().username;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_SYSTEM_ERROR") throw error;
    return String(uid);
  }
}
