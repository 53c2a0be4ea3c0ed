// Shows a patch: in colours and a pager on a terminal, plain otherwise.
import { once } from "node:events";
import type { CliContext } from "../context.ts";
import { writeAll } from "../output/output.ts";
import type { GuestChanges, PatchOptions } from "./guest-changes.ts";

export async function showPatch(
  context: CliContext,
  found: Pick<GuestChanges, "patch">,
  { format }: Pick<PatchOptions, "format">,
): Promise<void> {
  const { deps } = context;
  const isTerminal = deps.isTerminal.stdout;
  const isColoured = isTerminal && (deps.env["NO_COLOR"] ?? "") === "" && deps.env["TERM"] !== "dumb";
  const options: PatchOptions = { ...(format === undefined ? {} : { format }), width: deps.stdout.columns };
  if (isTerminal) return await page(context, (hasPager) => found.patch({ ...options, isColoured: isColoured && hasPager }));
  for await (const chunk of found.patch(options)) await writeAll(deps.stdout, chunk);
}

/** What the guest wrote is text for a pager, which shows controls instead of obeying them; only colours pass. */
async function page({ deps }: CliContext, make: (hasPager: boolean) => AsyncGenerator<Buffer>): Promise<void> {
  const env = { ...deps.env, LESS: "FRX", LESSSECURE: "1" };
  const pager = deps.childProcess.spawn("less", [], { stdio: ["pipe", "inherit", "inherit"], env });
  // Without a process there is no pager on this host.
  if (pager.pid === undefined) {
    pager.once("error", () => undefined);
    for await (const chunk of make(false)) await writeAll(deps.stdout, withoutControls(chunk));
    return;
  }
  const ended = new Promise<boolean>((resolve) => {
    pager.once("error", () => resolve(false));
    pager.once("exit", () => resolve(true));
  });
  pager.stdin.on("error", () => undefined);
  for await (const chunk of make(true)) {
    if (pager.exitCode !== null || pager.stdin.destroyed) break;
    if (!pager.stdin.write(chunk)) await Promise.race([once(pager.stdin, "drain"), ended]);
  }
  pager.stdin.end();
  await ended;
}

const [TAB, NEWLINE, SPACE, DELETE] = [0x09, 0x0a, 0x20, 0x7f];

function withoutControls(chunk: Buffer): Buffer {
  return chunk.map((byte) => ((byte < SPACE && byte !== TAB && byte !== NEWLINE) || byte === DELETE ? 0x3f : byte)) as Buffer;
}
