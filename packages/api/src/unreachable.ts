// What is said when no daemon, or something else, is at the other end of the socket.
import { BangerError, type ErrorBody } from "./errors.ts";

export function unreachable(socketPath: string, cause: NodeJS.ErrnoException): BangerError {
  return new BangerError("daemon.unreachable", `no daemon answers at ${socketPath} (${cause.code ?? cause.message})`, {
    hint: "banger daemon status",
    cause,
  });
}

export function cancelled(cause: unknown): BangerError {
  return new BangerError("operation.cancelled", "cancelled", { cause });
}

export function cutShort(): BangerError {
  return new BangerError("daemon.unreachable", "the daemon ended the answer before its result", { hint: "banger daemon logs" });
}

/** `why`: how it gave itself away. */
export function notBanger(socketPath: string, why: string): BangerError {
  return new BangerError("daemon.unreachable", `what listens at ${socketPath} is no banger daemon: ${why}`, {
    hint: `end it, or leave the socket to it and set BANGER_HOME; whose it is: ss -xlp | grep ${socketPath}`,
  });
}

export interface Refusal {
  readonly status: number;
  readonly body: string;
  readonly socketPath: string;
}

/** The error an answer of status 400 or more carries. */
export function errorOf({ status, body, socketPath }: Refusal): BangerError {
  const told = parseErrorBody(body);
  return told === undefined ? notBanger(socketPath, `it answered ${status}`) : BangerError.fromBody(told);
}

function parseErrorBody(text: string): ErrorBody | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("code" in value) || !("message" in value)) return undefined;
  return typeof value.code === "string" && typeof value.message === "string" ? (value as ErrorBody) : undefined;
}
