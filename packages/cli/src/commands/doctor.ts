import { routes, type ProgressSink } from "@banger/api";
import { command, jsonFlag } from "../command.ts";
import type { CliContext } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { doctorLines } from "../output/doctor-lines.ts";
import { createProgress } from "../output/progress.ts";

export const doctor = command({
  brief: "Check what this host can do",
  description: "Checks the host for all that VMs need and says what to type where something is missing. Exits 1 when a check failed.",
  usage: ["[--json]"],
  examples: [["banger doctor", "why is it slow, why is there no network"]],
  parameters: { flags: { json: jsonFlag } },
  async run(context: CliContext, _flags: { readonly json?: boolean }) {
    const client = await context.connect();
    const report = await withProgress(context, (onEvent) => client.progress(routes.doctor, {}, { onEvent }));
    if (context.output.isJson) await context.output.json(report);
    else await context.output.result(doctorLines(report, context.output.paint.stdout));
    return report.problems === 0 ? EXIT.ok : EXIT.failure;
  },
});

/** The report tells the checks again: progress is for a terminal only. */
async function withProgress<T>(context: CliContext, work: (onEvent: ProgressSink) => Promise<T>): Promise<T> {
  if (!context.deps.isTerminal.stderr) return work(() => undefined);
  using progress = await createProgress(context);
  return await work(progress.sink());
}
