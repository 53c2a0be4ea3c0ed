// One bounded call to the agent: a deadline, a limit on the answer's size, a checked shape, and the agent's errors as ours.
import { BangerError } from "@banger/api";
import type * as z from "zod/mini";
import { readText } from "./bounded-reading.ts";
import type { GuestStream } from "./guest-stream.ts";
import { errorMessage, guestText, type AgentError } from "./messages.ts";
import type { GuestSession } from "./session.ts";

/** Largest JSON answer taken, in bytes. */
const MAX_ANSWER = 256 * 1024;

export interface Bounds {
  readonly what: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Bound extends Disposable {
  /** The deadline counts from now. */
  readonly renew: () => void;
}

/** Destroys `stream` at the deadline or abort, for as long as it is not disposed. */
export function bound(stream: GuestStream, { what, timeoutMs, signal }: Bounds): Bound {
  const onAbort = () => stream.destroy(new BangerError("operation.cancelled", `${what} was cancelled`, { cause: signal?.reason }));
  const timer = setTimeout(
    () => stream.destroy(new BangerError("guest.unreachable", `the guest did not answer ${what} within ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  return {
    renew: () => timer.refresh(),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    },
  };
}

export interface JsonCall<T extends z.ZodMiniType> {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly what: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly body?: unknown;
  readonly result: T;
}

/** A call with a small JSON answer. Throws `guest.unreachable`, `operation.cancelled`, or what the agent answered (`agentError`). */
export async function callJson<T extends z.ZodMiniType>(session: GuestSession, call: JsonCall<T>): Promise<z.output<T>> {
  const hasBody = call.body !== undefined;
  const stream = session.start({ ...call, hasBody, ...(hasBody ? { contentType: "application/json" } : {}) });
  using _bound = bound(stream, call);
  if (hasBody) stream.end(JSON.stringify(call.body));
  await expectOk(stream, call.what);
  return await readAnswer(stream, call.what, call.result);
}

/** Waits for the answer's head; throws `agentError` unless it is 200. */
export async function expectOk(stream: GuestStream, what: string): Promise<void> {
  const status = await stream.status;
  if (status === 200) return;
  throw agentError(await readAgentError(stream, what, status), what);
}

/** Reads and checks a JSON answer whose head was good. */
export async function readAnswer<T extends z.ZodMiniType>(stream: GuestStream, what: string, result: T): Promise<z.output<T>> {
  return parseAnswer(await readAll(stream, what), what, result);
}

/** Throws `guest.failed` for what is not of that shape. */
export function parseAnswer<T extends z.ZodMiniType>(text: string, what: string, result: T): z.output<T> {
  try {
    return result.parse(JSON.parse(text));
  } catch (cause) {
    throw new BangerError("guest.failed", `the guest's answer to ${what} makes no sense: ${guestText(text.slice(0, 200))}`, { cause });
  }
}

async function readAgentError(stream: GuestStream, what: string, status: number): Promise<AgentError> {
  const text = await readAll(stream, what);
  try {
    return errorMessage.parse(JSON.parse(text));
  } catch {
    return { code: "failed", message: guestText(`status ${status} ${text.slice(0, 200)}`.trim()) };
  }
}

async function readAll(stream: GuestStream, what: string): Promise<string> {
  try {
    return await readText(stream, MAX_ANSWER);
  } catch (error) {
    throw unreadable(error, what);
  }
}

/** What reading an answer threw, as a call throws it. */
export function unreadable(error: unknown, what: string): BangerError {
  if (error instanceof BangerError) return error;
  return new BangerError("guest.failed", `the guest's answer to ${what} cannot be read: ${(error as Error).message}`, { cause: error });
}

/** The agent's refusal in banger's codes; the agent's own code is in `details.agentCode`. */
export function agentError(error: AgentError, what: string): BangerError {
  const details = { agentCode: error.code };
  switch (error.code) {
    case "bad_request":
      return new BangerError("api.bad_request", `the guest refused ${what}: ${error.message}`, { details });
    case "not_found":
      return new BangerError("guest.path_not_found", `${error.message} in the guest`, { details });
    case "no_space":
      return new BangerError("guest.disk_full", `the guest's disk is full: ${error.message}`, { details });
    case "changed":
      return new BangerError("workspace.conflict", `${error.message} in the guest`, { details });
    case "not_configured":
      return new BangerError("guest.not_ready", `the guest is not ready for ${what}: ${error.message}`, { details });
    default:
      return new BangerError("guest.failed", `the guest failed at ${what}: ${error.message}`, { details });
  }
}
