// Collects an exec stream for tests.
import type { Duplex } from "node:stream";
import { FRAME, FrameDecoder, type Control } from "@banger/api";

export interface ExecResult {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** The control that ended it. */
  readonly last: Control;
}

/** Reads to the end; `pause` is awaited between chunks, `onStdout` sees all output so far. */
export async function execResult(stream: Duplex, pause?: () => Promise<unknown>, onStdout?: (soFar: string) => void): Promise<ExecResult> {
  const decoder = new FrameDecoder();
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  let last: Control | undefined;
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    for (const { type, payload } of decoder.push(chunk)) {
      if (type === FRAME.stdout) out.push(payload);
      else if (type === FRAME.stderr) err.push(payload);
      else last = JSON.parse(payload.toString()) as Control;
      if (type === FRAME.stdout) onStdout?.(Buffer.concat(out).toString());
    }
    await pause?.();
  }
  if (last === undefined) throw new Error("the stream ended without a control");
  return { stdout: Buffer.concat(out), stderr: Buffer.concat(err), last };
}

/** What a command prints; fails unless it exits with 0. */
export async function execText(stream: Duplex): Promise<string> {
  const { stdout, stderr, last } = await execResult(stream);
  if (last.type !== "exit" || !("status" in last) || last.status !== 0) throw new Error(`${JSON.stringify(last)} ${stderr.toString()}`);
  return stdout.toString();
}
