// The typed client of the API over its Unix socket, made from the route table. What long calls need is loaded by the first.
import type { IncomingMessage } from "node:http";
import type { Duplex, Readable } from "node:stream";
import { exchange } from "./exchange.ts";
import type { Answer } from "./http-text.ts";
import type { ProgressSink } from "./progress.ts";
import type { Route } from "./route.ts";
import type { BodyOf, ParamsOf, QueryOf, ResultOf } from "./routes.ts";
import type { Streams } from "./streams.ts";
import { errorOf, notBanger } from "./unreachable.ts";
import { upgrade } from "./upgrade.ts";
import { routeUrl, type LooseInput } from "./url.ts";
import { FULL_VERSION } from "./version.ts";

type Field<K extends string, T> = [T] extends [undefined] ? object : { readonly [P in K]: T };
export type CallInput<R extends Route> = Field<"params", ParamsOf<R>> &
  ([QueryOf<R>] extends [undefined] ? object : { readonly query?: QueryOf<R> }) &
  Field<"body", BodyOf<R>>;

export interface CallOptions {
  readonly signal?: AbortSignal;
}
export interface AskOptions extends CallOptions {
  /** Milliseconds of silence after which the daemon counts as hanging; for ever without it. */
  readonly timeoutMs?: number;
}
export interface UploadBody extends CallOptions {
  readonly source: Readable;
}
export interface ProgressOptions extends CallOptions {
  readonly onEvent?: ProgressSink;
}

export interface Client {
  readonly socketPath: string;
  /** One JSON answer. Throws the daemon's BangerError, or `daemon.unreachable`. */
  call<R extends Route>(route: R, input: CallInput<R>, options?: CallOptions): Promise<ResultOf<R>>;
  /** The answer as it came, errors of the daemon's included, for `resultOf`. Throws `daemon.unreachable`. */
  ask<R extends Route>(route: R, input: CallInput<R>, options?: AskOptions): Promise<Answer>;
  /** A long call: progress to `onEvent`, then its result. Aborting hangs up, which cancels what can be cancelled. */
  progress<R extends Route>(route: R, input: CallInput<R>, options?: ProgressOptions): Promise<ResultOf<R>>;
  /** A raw answer, for the caller to read. */
  bytes<R extends Route>(route: R, input: CallInput<R>, options?: CallOptions): Promise<IncomingMessage>;
  /** Sends `source` as the request's body. */
  upload<R extends Route>(route: R, input: CallInput<R>, body: UploadBody): Promise<ResultOf<R>>;
  /** An upgraded connection: raw bytes both ways. */
  upgrade<R extends Route>(route: R, input: CallInput<R>, options?: CallOptions): Promise<Duplex>;
}

export function createClient(socketPath: string): Client {
  const ask = (route: Route, input: LooseInput, options: AskOptions = {}) =>
    exchange({ socketPath, method: route.method, url: routeUrl(route, input), body: input.body, ...options });
  let streams: Streams | undefined;
  const loaded = async () => (streams ??= (await import("./streams.ts")).createStreams(socketPath));
  return {
    socketPath,
    ask,
    call: async (route, input, options) => await resultOf(route, await ask(route, input, options), socketPath),
    progress: async (route, input, options) => await (streams ?? (await loaded())).progress(route, input, options),
    bytes: async (route, input, options) => await (streams ?? (await loaded())).send(route, input, options),
    upload: async (route, input, body) => await (streams ?? (await loaded())).upload(route, input, body),
    upgrade: async (route, input, options) => await upgrade({ socketPath, method: route.method, url: routeUrl(route, input), ...options }),
  };
}

/**
 * The result in an answer to `route`. A daemon of our own build is taken at its word, any other's is checked. Throws the
 * daemon's BangerError, `daemon.unreachable` when it is no daemon's answer, a ZodError when it is not as declared.
 */
export async function resultOf<R extends Route>(route: R, answer: Answer, socketPath: string): Promise<ResultOf<R>> {
  if (answer.status >= 400) throw errorOf({ ...answer, socketPath });
  const value = parseJson(answer.body, socketPath);
  if (answer.daemonVersion === FULL_VERSION) return value as ResultOf<R>;
  return (await import("./check-answers.ts")).checkResult(route, value);
}

function parseJson(body: string, socketPath: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw notBanger(socketPath, "what it answered is no JSON");
  }
}
