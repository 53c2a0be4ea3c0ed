// One command on several VMs at once: in parallel, told in the given order; a failure does not stop the rest.
import { BangerError, routes, type Client, type ProgressSink, type ReadinessLevel, type Vm } from "@banger/api";
import type { CliContext } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { createProgress } from "../output/progress.ts";

export interface EachVm<T> {
  readonly names: readonly string[];
  readonly act: (client: Client, name: string, onEvent: ProgressSink) => Promise<T>;
  /** What `--json` tells of one that went well. */
  readonly shown: (result: T) => Readonly<Record<string, unknown>>;
  /** The line on stdout for one that went well. */
  readonly told: (name: string, result: T) => string;
  /** What else is worth saying of it, on stderr. */
  readonly remark?: (result: T) => string | undefined;
  /** Failures after it was aborted are the interruption's. */
  readonly signal?: AbortSignal;
}

/** Answers the exit status: 1 if any failed. */
export async function forEachVm<T>(context: CliContext, { names, act, shown, told, remark, signal }: EachVm<T>): Promise<number> {
  const unique = [...new Set(names)];
  const client = await context.connect();
  const settled = await settleAll(context, unique, (name, onEvent) => act(client, name, onEvent));
  signal?.throwIfAborted();
  const failures = settled.filter((outcome) => outcome.status === "rejected").length;
  if (context.output.isJson) {
    await context.output.json(
      settled.map((outcome, index) =>
        outcome.status === "fulfilled"
          ? { name: unique[index], ok: true, ...shown(outcome.value) }
          : { name: unique[index], ok: false, error: toError(outcome.reason).toBody() },
      ),
    );
    return failures === 0 ? EXIT.ok : EXIT.failure;
  }
  for (const [index, outcome] of settled.entries()) {
    const name = unique[index] ?? "";
    const prefix = unique.length > 1 ? `${name}: ` : "";
    if (outcome.status === "rejected") context.output.error(prefixed(prefix, toError(outcome.reason)));
    else if (!context.output.isQuiet) await context.output.result(told(name, outcome.value));
    const more = outcome.status === "fulfilled" ? remark?.(outcome.value) : undefined;
    if (more !== undefined) context.output.note(more);
  }
  return failures === 0 ? EXIT.ok : EXIT.failure;
}

function prefixed(prefix: string, error: BangerError): BangerError {
  return BangerError.fromBody({ ...error.toBody(), message: `${prefix}${error.message}` });
}

async function settleAll<T>(
  context: CliContext,
  names: readonly string[],
  act: (name: string, onEvent: ProgressSink) => Promise<T>,
): Promise<PromiseSettledResult<T>[]> {
  using progress = await createProgress(context);
  return await Promise.allSettled(names.map((name) => act(name, progress.sink(names.length > 1 ? name : ""))));
}

function toError(reason: unknown): BangerError {
  return reason instanceof BangerError ? reason : new BangerError("internal", String(reason), { cause: reason });
}

/** The VM, running and at least at `level`, as `seen` before or after waiting with progress. */
export async function waitReady(
  context: CliContext,
  client: Client,
  { seen, level }: { readonly seen: Vm; readonly level: ReadinessLevel },
) {
  if (seen.status === "running" && seen.readiness.includes(level)) return seen;
  using progress = await createProgress(context);
  const request = { params: { name: seen.name }, query: { level } };
  return await client.progress(routes.vmWait, request, { onEvent: progress.sink() });
}
