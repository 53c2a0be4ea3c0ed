// Shows a patch: in colours and a pager on a terminal, plain otherwise.
import { once } from "node:events";
import type { Writable } from "node:stream";
import type { CliContext } from "../context.ts";
import type { CliDeps } from "../deps.ts";
import { inForeground } from "../foreground.ts";
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
    return await writeWithoutControls(deps, make(false));
  }
  const ended = new Promise<void>((resolve) => {
    pager.once("error", () => resolve());
    pager.once("exit", () => resolve());
  });
  pager.stdin.on("error", () => undefined);
  const isInterrupted = { value: false };
  const interrupt = () => void (isInterrupted.value = true);
  deps.signals.on("SIGINT", interrupt);
  await inForeground(deps, pager, async () => {
    try {
      await feed(pager.stdin, make(true), ended);
    } catch (error) {
      // Ctrl-C ends git too: what it had said by then is there to be read.
      if (!isInterrupted.value) throw error;
    } finally {
      pager.stdin.end();
      await ended;
    }
  }).finally(() => deps.signals.off("SIGINT", interrupt));
}

/** Until the pager has been left. */
async function feed(into: Writable, patch: AsyncGenerator<Buffer>, ended: Promise<void>): Promise<void> {
  for await (const chunk of patch) {
    if (into.destroyed) return;
    if (into.write(chunk)) continue;
    // A pager that is left breaks the pipe, which may be seen before its end.
    const hasRoom = once(into, "drain").catch(() => undefined);
    await Promise.race([hasRoom, ended]);
  }
}

/** Those of both sets: C0 and C1, https://en.wikipedia.org/wiki/C0_and_C1_control_codes. */
const CONTROLS = /(?![\t\n])\p{Cc}/gu;

/** What is no UTF-8 could be taken for a control by the terminal, and is none any more. */
async function writeWithoutControls({ stdout }: Pick<CliDeps, "stdout">, patch: AsyncGenerator<Buffer>): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of patch) await writeAll(stdout, Buffer.from(decoder.decode(chunk, { stream: true }).replaceAll(CONTROLS, "?")));
  await writeAll(stdout, Buffer.from(decoder.decode()));
}
