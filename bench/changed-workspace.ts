// What rows that bring changes out begin with: a VM with the repository, a tenth of whose files its guest has changed.
import { benchRepository } from "./repository.ts";
import { VM_FLAGS, type Stand } from "./stand.ts";

export interface ChangedWorkspace extends AsyncDisposable {
  /** Of the VM. */
  readonly name: string;
  readonly repository: string;
}

/** Lists what changed, as git does, and writes the changed files as a tar; for a shell in the guest. */
export const TELL_AND_TAR = "cd /root/repo && git status --porcelain >&2 && tar c d?";

/** Disposed of, the VM is gone and nothing of it is kept. */
export async function changedWorkspace(stand: Stand): Promise<ChangedWorkspace> {
  const repository = await benchRepository(stand);
  const name = stand.name();
  await using made = new AsyncDisposableStack();
  made.defer(async () => void (await stand.banger.ok("vm", "delete", "--discard-changes", name)));
  await stand.banger.ok("vm", "run", repository, "--detach", "--name", name, ...VM_FLAGS);
  await stand.banger.inGuest(name, "sh", "-c", "cd /root/repo && for f in d?/*; do echo changed >> $f; done");
  const owned = made.move();
  return { name, repository, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
