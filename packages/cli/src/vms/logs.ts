// The logs of a VM: its console, its VMM, its agent. Several are told apart by a header whenever the writer changes.
import { routes, type Client } from "@banger/api";
import type { CliContext } from "../context.ts";
import { writeAll } from "../output/output.ts";

export const LOG_SOURCES = ["console", "vmm", "agent"] as const;
export type LogSource = (typeof LOG_SOURCES)[number];

export interface LogRequest {
  readonly client: Client;
  readonly vmName: string;
  readonly sources: readonly LogSource[];
  readonly isFollowing: boolean;
}

export async function showLogs(context: CliContext, request: LogRequest): Promise<void> {
  const write = headedWriter(context, request.sources.length > 1);
  const copy = async (source: LogSource) => {
    const query = { source, ...(request.isFollowing ? { follow: "true" as const } : {}) };
    const response = await request.client.bytes(routes.vmLogs, { params: { name: request.vmName }, query });
    for await (const chunk of response) await write(source, chunk as Buffer);
  };
  if (request.isFollowing) {
    await Promise.all(request.sources.map(copy));
  } else {
    for (const source of request.sources) await copy(source);
  }
}

function headedWriter({ deps, output }: CliContext, hasHeaders: boolean): (source: LogSource, chunk: Buffer) => Promise<void> {
  let current: LogSource | undefined;
  let endsLine = true;
  // One after another: two followed logs write at any time.
  let turn = Promise.resolve();
  return (source, chunk) => {
    turn = turn.then(async () => {
      if (hasHeaders && source !== current) {
        const gap = current === undefined ? "" : endsLine ? "\n" : "\n\n";
        await writeAll(deps.stdout, `${gap}${output.paint.stdout("bold", `==> ${source} <==`)}\n`);
      }
      current = source;
      endsLine = chunk.at(-1) === 0x0a;
      await writeAll(deps.stdout, chunk);
    });
    return turn;
  };
}
