// The calls whose answer, or request, is more than one JSON value: lines of progress, raw bytes.
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { CallOptions, ProgressOptions, UploadBody } from "./client.ts";
import { BangerError } from "./errors.ts";
import { readLines } from "./lines.ts";
import type { Route } from "./route.ts";
import type { ResultOf } from "./routes.ts";
import { connectTo } from "./socket-path.ts";
import { cancelled, cutShort, errorOf, unreachable } from "./unreachable.ts";
import { routeUrl, type LooseInput } from "./url.ts";

export interface Streams {
  progress<R extends Route>(route: R, input: LooseInput, options?: ProgressOptions): Promise<ResultOf<R>>;
  send(route: Route, input: LooseInput, options?: CallOptions): Promise<IncomingMessage>;
  upload<R extends Route>(route: R, input: LooseInput, body: UploadBody): Promise<ResultOf<R>>;
}

interface OpenOptions extends CallOptions {
  readonly headers?: Record<string, string>;
}

export function createStreams(socketPath: string): Streams {
  const open = (route: Route, input: LooseInput, options: OpenOptions = {}) => {
    const socket = connectTo(socketPath);
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
    send,
    async progress(route, input, options = {}) {
      const [response, { checkResult, streamLine }] = await Promise.all([send(route, input, options), import("./check-answers.ts")]);
      try {
        for await (const line of readLines(response)) {
          const parsed = streamLine.parse(JSON.parse(line));
          if (parsed.type === "result") return checkResult(route, parsed.result);
          if (parsed.type === "error") throw BangerError.fromBody(parsed.error);
          options.onEvent?.(parsed);
        }
      } catch (error) {
        throw isReset(error) ? cutShort() : error;
      }
      throw cutShort();
    },
    async upload(route, input, { source, ...options }) {
      // A daemon that closed with input unread would break the pipe we write to, and its answer be lost with it.
      const headers = { "content-type": route.bodyContentType ?? "application/octet-stream", connection: "keep-alive" };
      const request = open(route, input, { ...options, headers }).on("error", () => undefined);
      try {
        const response = answered(request, socketPath);
        response.catch(() => undefined);
        await Promise.race([sendBody(source, request), response]);
        const value: unknown = JSON.parse(await text(await response));
        return (await import("./check-answers.ts")).checkResult(route, value);
      } finally {
        request.destroy();
        // Done, a request lets go of what was to be kept open.
        request.socket?.destroy();
      }
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

function answered(request: ClientRequest, socketPath: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.name === "AbortError" ? cancelled(error) : unreachable(socketPath, error));
    });
    request.once("response", (response) => {
      const status = response.statusCode ?? 500;
      if (status < 400) resolve(response);
      else text(response).then((body) => reject(errorOf({ body, status, socketPath })), reject);
    });
  });
}

async function text(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(Buffer.from(chunk));
  } catch (error) {
    throw isReset(error) ? cutShort() : error;
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** What a daemon that dies while it answers leaves behind. */
function isReset(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ECONNRESET";
}
