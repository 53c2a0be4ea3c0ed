// Binds the route table to its handlers on a Unix socket.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { BangerError, FULL_VERSION, httpStatus, routes, VERSION_HEADER, type ProgressSink, type Route, type Routes } from "@banger/api";
import { joinStreams } from "@banger/host";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { relayExec } from "../guest/exec-relay.ts";
import type { OperationRegistry } from "../operations/registry.ts";
import { bodyOf, hangUpOf, lineWriter, rawErrorAnswer } from "./answers.ts";
import type { Handler, Handlers } from "./handlers.ts";
import { parseInput } from "./parse.ts";
import { uploadBody } from "./upload-body.ts";

const BODY_LIMIT = 1024 * 1024;
const PROTOCOL = "banger-stream";

export interface ApiServerDeps {
  readonly handlers: Handlers;
  readonly operations: OperationRegistry;
  /** Called at the begin (+1) and the end (-1) of every request and upgraded connection. */
  readonly onActivity: (change: 1 | -1) => void;
}

/** The server, not yet listening. */
export function createApiServer(deps: ApiServerDeps): FastifyInstance {
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    requestTimeout: 0,
    return503OnClosing: false,
    // What is refused before it is a request to any route, as %ff in a path.
    frameworkErrors: (error, _request, reply) => void sendError(reply, asBangerError(error)),
  });
  app.addContentTypeParser(["application/x-tar", "application/octet-stream"], (_request, payload, done) => done(null, payload));
  app.setErrorHandler((error, _request, reply) => sendError(reply, asBangerError(error)));
  app.setNotFoundHandler((request, reply) =>
    sendError(
      reply,
      new BangerError("api.not_found", `no route ${request.method} ${request.url}`, { hint: "GET /v1/openapi.json lists them" }),
    ),
  );
  app.addHook("onRequest", (_request, reply, done) => {
    deps.onActivity(1);
    reply.raw.setHeader(VERSION_HEADER, FULL_VERSION);
    reply.raw.once("close", () => deps.onActivity(-1));
    done();
  });
  for (const id of Object.keys(routes) as (keyof Routes)[]) bind(app, deps, id);
  app.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    deps.onActivity(1);
    socket.once("close", () => deps.onActivity(-1));
    if (head.length > 0) socket.unshift(head);
    void upgrade(deps.handlers, request, socket);
  });
  return app;
}

function bind(app: FastifyInstance, deps: ApiServerDeps, id: keyof Routes): void {
  const route: Route = routes[id];
  const handler = deps.handlers[id] as Handler<Route>;
  app.route({
    method: route.method,
    url: route.path,
    handler: (request, reply) => answer(deps, { route, handler, request, reply }),
  });
}

interface Call {
  readonly route: Route;
  readonly handler: Handler<Route>;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function answer(deps: ApiServerDeps, { route, handler, request, reply }: Call): Promise<unknown> {
  const stream = route.bodyContentType === undefined ? request.raw : uploadBody(request.raw);
  const input = parseInput(route, { params: request.params, query: request.query, body: request.body, stream });
  const hangUp = hangUpOf(reply.raw);
  switch (handler.kind) {
    case "json":
      return reply.send(await handler.run(input, hangUp));
    case "bytes":
      return reply.type(route.contentType ?? "application/octet-stream").send(await handler.run(input, hangUp));
    case "operation": {
      const signal = handler.finishes === true ? new AbortController().signal : hangUp;
      return streamLines(reply, (onEvent) =>
        deps.operations.run({ kind: route.id, target: handler.target(input), signal, onEvent }, (operation) =>
          handler.run(input, operation),
        ),
      );
    }
    case "events":
      return streamLines(reply, (onEvent) => handler.run(input, hangUp, onEvent));
    case "upgrade":
      reply.header("upgrade", PROTOCOL);
      throw new BangerError("api.upgrade_required", `${route.path} is for a connection that is upgraded`, {
        hint: `send "connection: Upgrade" and "upgrade: ${PROTOCOL}"`,
      });
  }
}

/** An error before the first event is an ordinary error answer; later ones are the last line. */
async function streamLines(reply: FastifyReply, work: (onEvent: ProgressSink) => Promise<unknown>): Promise<void> {
  const lines = lineWriter(reply.raw);
  try {
    const result = await work(lines.write);
    reply.hijack();
    lines.write({ type: "result", result });
  } catch (error) {
    if (!lines.hasBegun()) {
      lines.refuse();
      throw error;
    }
    reply.hijack();
    lines.write({ type: "error", error: bodyOf(error) });
  }
  reply.raw.end();
}

async function upgrade(handlers: Handlers, request: IncomingMessage, socket: Duplex): Promise<void> {
  socket.on("error", () => socket.destroy());
  try {
    const url = new URL(request.url ?? "/", "http://banger");
    for (const id of Object.keys(routes) as (keyof Routes)[]) {
      const route: Route = routes[id];
      const handler = handlers[id] as Handler<Route>;
      const params = route.kind === "upgrade" ? matchPath(route.path, url.pathname) : undefined;
      if (params === undefined || handler.kind !== "upgrade") continue;
      const input = parseInput(route, { params, query: Object.fromEntries(url.searchParams), body: undefined, stream: request });
      const other = await handler.run(input);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${PROTOCOL}\r\n\r\n`);
      return handler.carries === "frames" ? void (await relayExec(socket, other)) : joinStreams(socket, other);
    }
    throw new BangerError("api.not_found", `no route ${url.pathname} to upgrade`);
  } catch (error) {
    socket.end(rawErrorAnswer(error));
  }
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = decoded(given[index] ?? "");
    if (part.startsWith(":")) params[part.slice(1)] = value;
    else if (part !== value) return undefined;
  }
  return params;
}

/** Throws `api.bad_request`. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new BangerError("api.bad_request", `${part} is no part of a path`, { cause });
  }
}

function sendError(reply: FastifyReply, error: BangerError): FastifyReply {
  return reply.code(httpStatus(error.code)).send(error.toBody());
}

function asBangerError(error: unknown): BangerError {
  if (error instanceof BangerError) return error;
  const { statusCode, message } = error as { readonly statusCode?: number; readonly message: string };
  if (statusCode === 413) return new BangerError("api.too_large", `the request body is larger than ${BODY_LIMIT} bytes`);
  if (statusCode === 415) return new BangerError("api.bad_request", message, { hint: `-H "content-type: application/json"`, cause: error });
  if (statusCode !== undefined && statusCode < 500) return new BangerError("api.bad_request", message, { cause: error });
  return BangerError.fromBody(bodyOf(error));
}
