// Shapes of what the agent sends (docs/guest-protocol.md). The guest is not trusted: everything is checked here, and text
// that may reach a terminal is stripped of control characters.
import { readinessLevel } from "@banger/api/validation";
import * as z from "zod/mini";

/** Longest text taken from the guest, in characters. */
const MAX_TEXT = 4096;

/** Guest text made safe to show: no control characters but tab and newline, at most 4096 characters. */
export function guestText(text: string): string {
  // Also the bidirectional overrides, which can make a line read as something else.
  const safe = text.replaceAll(/[[\p{Cc}\u202a-\u202e\u2066-\u2069]--[\t\n]]/gv, "");
  return safe.length <= MAX_TEXT ? safe : `${safe.slice(0, MAX_TEXT)}…`;
}

const text = z.pipe(z.string(), z.transform(guestText));
const count = z.number().check(z.minimum(0), z.maximum(Number.MAX_SAFE_INTEGER));

export const healthMessage = z.object({
  version: text,
  protocol: z.int(),
  bootId: z.string().check(z.maxLength(64), z.regex(/^[0-9a-zA-Z-]*$/)),
  stage: z.enum(["waiting", "configuring", "running", "failed"]),
  init: z.enum(["systemd", "openrc", "other", "none", ""]),
  readiness: z.array(readinessLevel).check(z.maxLength(16)),
  uptimeMs: count,
  error: z.optional(text),
});

export const removedMessage = z.object({ files: count });

export const statsMessage = z.object({
  memoryTotalBytes: count,
  memoryAvailableBytes: count,
  load1: count,
  diskTotalBytes: count,
  diskUsedBytes: count,
  processes: count,
});

export const eventMessage = z.discriminatedUnion("type", [
  z.object({ type: z.literal("readiness"), level: readinessLevel, atMs: count }),
  z.object({ type: z.literal("log"), seq: count, timeUnixMs: count, level: text, message: text }),
  z.object({ type: z.literal("ending"), mode: z.enum(["poweroff", "reboot", "halt"]) }),
]);

export const fileStatMessage = z.object({
  type: z.enum(["file", "directory", "symlink", "other"]),
  mode: z.int().check(z.minimum(0), z.maximum(0o7777)),
  size: count,
  leadsTo: z.optional(z.enum(["file", "directory", "other", "nothing"])),
  // 4096 bytes in base64.
  realPath64: z.optional(z.string().check(z.maxLength(5464))),
});
export const putFilesMessage = z.object({ files: count, bytes: count });
export const clockMessage = z.object({ offsetMs: z.number() });
export const emptyMessage = z.object({});

export const errorMessage = z.object({ code: text, message: text });
export type AgentError = z.infer<typeof errorMessage>;

/** Controls the agent may send on an exec stream. */
export const execControlMessage = z.union([
  z.object({ type: z.literal("started"), pid: count }),
  z.object({ type: z.literal("failed"), code: text, message: text }),
  z.object({ type: z.literal("exit"), status: z.int().check(z.minimum(0), z.maximum(255)) }),
  z.object({
    type: z.literal("exit"),
    signal: z.string().check(z.regex(/^[A-Z0-9+-]{1,16}$/)),
    number: z.int().check(z.minimum(1), z.maximum(64)),
  }),
]);
export type ExecControl = z.infer<typeof execControlMessage>;
