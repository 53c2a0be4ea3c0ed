// The typed client of the API over its Unix socket, made from the route table.
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Duplex, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BangerError, type ErrorBody } from "./errors.ts";
import { streamLine, type ProgressSink } from "./progress.ts";
import { errorBody as errorBodySchema } from "./schemas.ts";
import { readLines } from "./lines.ts";
import type { BodyOf, ParamsOf, QueryOf, ResultOf } from "./routes.ts";
import type { Route } from "./route.ts";
import { shortSocketPath } from "./socket-path.ts";

type Field<K extends string, T> = [T] extends [undefined] ? object : { readonly [P in K]: T };
export type CallInput<R extends Route> = Field<"params", ParamsOf<R>> &
  ([QueryOf<R>] extends [undefined] ? object : { readonly query?: QueryOf<R> }) &
  Field<"body", BodyOf<R>>;

export interface CallOptions {
  readonly signal?: AbortSignal;
}
export interface ProgressOptions extends CallOptions {
  readonly onEvent?: ProgressSink;
}

export interface Client {
  readonly socketPath: string;
  /** One JSON answer. Throws the daemon's BangerError, or `daemon.unreachable`. */
  call<R extends Route>(route: R, input: CallInput<R>, options?: CallOptions): Promise<ResultOf<R>>;
  /** A long call: progress to `onEvent`, then its result. Aborting hangs up, which cancels what can be cancelled. */
  progress<R extends Route>(route: R, input: CallInput<R>, options?: ProgressOptions): Promise<ResultOf<R>>;
  /** A raw answer, for the caller to read. */
  bytes<R extends Route>(route: R, input: CallInput<R>, options?: CallOptions): Promise<IncomingMessage>;
  /** Sends `source` as the request's body. */
  upload<R extends Route>(route: R, input: CallInput<R>, source: Readable): Promise<ResultOf<R>>;
  /** An upgraded connection: raw bytes both ways. */
  upgrade<R extends Route>(route: R, input: CallInput<R>, options?: CallOptions): Promise<Duplex>;
}

interface LooseInput {
  readonly params?: Readonly<Record<string, string>> | undefined;
  readonly query?: Readonly<Record<string, string | number | undefined>> | undefined;
  readonly body?: unknown;
}

interface OpenOptions extends CallOptions {
  readonly headers?: Record<string, string>;
  /** Keep writing after the other side has ended. */
  readonly halfOpen?: boolean;
}

export function createClient(socketPath: string): Client {
  const open = (route: Route, input: LooseInput, options: OpenOptions = {}) => {
    using short = shortSocketPath(socketPath);
    const socket = connect({ path: short.path, allowHalfOpen: options.halfOpen ?? false });
    return httpRequest({
      createConnection: () => socket,
      method: route.method,
      path: routeUrl(route, input),
      headers: { host: "banger", ...options.headers },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  };

  const send = async (route: Route, input: LooseInput, options: CallOptions = {}): Promise<IncomingMessage> => {
    const body = input.body === undefined ? undefined : JSON.stringify(input.body);
    const request = open(route, input, { ...options, headers: body === undefined ? {} : { "content-type": "application/json" } });
    request.end(body);
    return answered(request, socketPath);
  };

  return {
    socketPath,
    async call(route, input, options) {
      const response = await send(route, input, options);
      return parseResult(route, JSON.parse(await text(response)));
    },
    async progress(route, input, options = {}) {
      const response = await send(route, input, options);
      for await (const line of readLines(response)) {
        const parsed = streamLine.parse(JSON.parse(line));
        if (parsed.type === "result") return parseResult(route, parsed.result);
        if (parsed.type === "error") throw BangerError.fromBody(parsed.error);
        options.onEvent?.(parsed);
      }
      throw new BangerError("daemon.unreachable", "the daemon ended the answer before its result", { hint: "banger daemon logs" });
    },
    bytes: send,
    async upload(route, input, source) {
      const request = open(route, input, { headers: { "content-type": route.bodyContentType ?? "application/octet-stream" } });
      const response = answered(request, socketPath);
      response.catch(() => undefined);
      await Promise.race([sendBody(source, request), response]);
      return parseResult(route, JSON.parse(await text(await response)));
    },
    upgrade(route, input, options) {
      const request = open(route, input, { ...options, halfOpen: true, headers: { connection: "Upgrade", upgrade: "banger-stream" } });
      return new Promise((resolve, reject) => {
        request.once("upgrade", (_response, socket, head) => {
          if (head.length > 0) socket.unshift(head);
          resolve(socket);
        });
        answered(request, socketPath).then(
          () => reject(new BangerError("daemon.unreachable", `${route.path} did not upgrade the connection`)),
          reject,
        );
        request.end();
      });
    },
  };
}

/** Who refuses an upload early stops reading it: then the answer counts, not the broken pipe. */
async function sendBody(source: Readable, request: ClientRequest): Promise<void> {
  try {
    await pipeline(source, request);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EPIPE" && code !== "ECONNRESET") throw error;
  }
}

function routeUrl(route: Route, input: LooseInput): string {
  const path = route.path.replaceAll(/:([a-z]+)/gi, (_, key: string) => encodeURIComponent(input.params?.[key] ?? ""));
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined) query.set(key, `${value}`);
  }
  const search = query.toString();
  return search === "" ? path : `${path}?${search}`;
}

function answered(request: ClientRequest, socketPath: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("error", (error: NodeJS.ErrnoException) => {
      if (error.name === "AbortError") reject(new BangerError("operation.cancelled", "cancelled", { cause: error }));
      else
        reject(
          new BangerError("daemon.unreachable", `no daemon answers at ${socketPath} (${error.code ?? error.message})`, {
            hint: "banger daemon status",
            cause: error,
          }),
        );
    });
    request.once("response", (response) => {
      if ((response.statusCode ?? 500) < 400) resolve(response);
      else text(response).then((body) => reject(errorOf(body, response.statusCode)), reject);
    });
  });
}

function errorOf(body: string, status: number | undefined): BangerError {
  try {
    return BangerError.fromBody(errorBodySchema.parse(JSON.parse(body)) satisfies ErrorBody);
  } catch (cause) {
    return new BangerError("internal", `the daemon answered ${status ?? "nothing"}: ${body.slice(0, 200)}`, { cause });
  }
}

async function text(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

function parseResult<R extends Route>(route: R, value: unknown): ResultOf<R> {
  return route.result.parse(value) as ResultOf<R>;
}
