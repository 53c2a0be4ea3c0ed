// A daemon for tests: a real HTTP server on a real Unix socket, scripted route by route from the route table.
import { mkdirSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { dirname } from "node:path";
import type { Duplex } from "node:stream";
import {
  BangerError,
  httpStatus,
  routes,
  VERSION_HEADER,
  type BodyOf,
  type DaemonInfo,
  type ParamsOf,
  type ProgressEvent,
  type QueryOf,
  type ResultOf,
  type Route,
  type Routes,
} from "@banger/api";
import { BUILD, VERSION } from "../version.ts";

export interface FakeRequest<R extends Route> {
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
  /** Sends a progress event; only on `progress` routes. */
  readonly emit: (event: ProgressEvent) => void;
  /** The body of an upload. */
  readonly upload: Buffer;
  /** Sends raw bytes; only on `bytes` routes. */
  readonly write: (data: string | Uint8Array) => void;
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal;
}

type Answer<R extends Route> = R extends { readonly kind: "upgrade" }
  ? (socket: Duplex, request: FakeRequest<R>) => void | Promise<void>
  : (request: FakeRequest<R>) => ResultOf<R> | Promise<ResultOf<R>>;
export type Script = { readonly [K in keyof Routes]?: Answer<Routes[K]> };

export interface FakeDaemon extends AsyncDisposable {
  readonly socketPath: string;
  /** `vmShow api`, `vmDelete api`, …: the calls in order, pings left out. */
  readonly calls: readonly string[];
  /** Bodies of the calls that had one, in order. */
  readonly bodies: readonly unknown[];
}

type LooseAnswer = (...args: readonly unknown[]) => unknown;

interface Match {
  readonly id: keyof Routes;
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

export function daemonInfo(socketPath: string): DaemonInfo {
  return {
    version: VERSION,
    build: BUILD,
    api: 1,
    pid: 4242,
    mode: "user",
    stateDir: "/state",
    socket: socketPath,
    logFile: "/state/bangerd.log",
    startedAt: "2026-01-01T00:00:00.000Z",
    vms: 2,
    runningVms: 1,
  };
}

export interface FakeDaemonOptions {
  /** Whether every answer says which version it is of, as a real daemon's does; default true. */
  readonly tellsVersion?: boolean;
}

export async function startFakeDaemon(
  socketPath: string,
  script: Script,
  { tellsVersion = true }: FakeDaemonOptions = {},
): Promise<FakeDaemon> {
  const calls: string[] = [];
  const bodies: unknown[] = [];
  const scripted = new Map(Object.entries({ ping: () => daemonInfo(socketPath), ...script })) as Map<string, LooseAnswer>;
  const sockets = new Set<Socket>();
  const record = (match: Match, body: unknown) => {
    if (match.id === "ping") return;
    calls.push(
      [match.id, ...Object.values(match.params), ...Object.entries(match.query).map(([key, value]) => `${key}=${value}`)].join(" "),
    );
    if (body !== undefined) bodies.push(body);
  };
  const server = createServer((request, response) => {
    if (tellsVersion) tellVersion(response, scripted);
    void answer({ request, response, scripted, record });
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("upgrade", (request, socket, head) => void upgrade({ request, socket, head, scripted, record }));
  mkdirSync(dirname(socketPath), { recursive: true });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    calls,
    bodies,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Call {
  readonly request: IncomingMessage;
  readonly scripted: ReadonlyMap<string, LooseAnswer>;
  readonly record: (match: Match, body: unknown) => void;
}

/** The one it tells of itself when it is pinged; a daemon of another API may tell none. */
function tellVersion(response: ServerResponse, scripted: ReadonlyMap<string, LooseAnswer>): void {
  const { version, build, api } = (scripted.get("ping")?.() ?? {}) as Partial<DaemonInfo>;
  if (version !== undefined && api === 1) response.setHeader(VERSION_HEADER, `${version}+${build}`);
}

async function answer({ request, response, scripted, record }: Call & { readonly response: ServerResponse }): Promise<void> {
  const match = matchRoute(request);
  const upload = await readBody(request);
  const body =
    match?.route.bodyContentType === undefined && upload.length > 0 ? (JSON.parse(upload.toString("utf8")) as unknown) : undefined;
  if (match !== undefined) record(match, body);
  const work = match === undefined ? undefined : scripted.get(match.id);
  const hungUp = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) hungUp.abort();
  });
  const isStream = match?.route.kind === "progress";
  const line = (value: unknown) => response.write(`${JSON.stringify(value)}\n`);
  try {
    if (match === undefined || work === undefined) throw new BangerError("api.not_found", `not scripted: ${request.method} ${request.url}`);
    const parts = {
      params: match.params,
      query: match.query,
      body,
      upload,
      signal: hungUp.signal,
      emit: line,
      write: (data: string | Uint8Array) => response.write(data),
    };
    if (isStream) response.writeHead(200, { "content-type": "application/x-ndjson" }).flushHeaders();
    if (match.route.kind === "bytes") response.writeHead(200, { "content-type": "text/plain" }).flushHeaders();
    const result = await work(parts);
    if (isStream) line({ type: "result", result });
    else if (match.route.kind === "json") response.writeHead(200, { "content-type": "application/json" }).write(JSON.stringify(result));
  } catch (error) {
    const known = error instanceof BangerError ? error : new BangerError("internal", String(error));
    if (response.headersSent) line({ type: "error", error: known.toBody() });
    else response.writeHead(httpStatus(known.code), { "content-type": "application/json" }).write(JSON.stringify(known.toBody()));
  }
  response.end();
}

async function upgrade({
  request,
  socket,
  head,
  scripted,
  record,
}: Call & { readonly socket: Duplex; readonly head: Buffer }): Promise<void> {
  socket.on("error", () => undefined);
  const match = matchRoute(request);
  const work = match === undefined ? undefined : scripted.get(match.id);
  if (match === undefined || work === undefined) {
    socket.end("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    return;
  }
  record(match, undefined);
  try {
    if (head.length > 0) socket.unshift(head);
    socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: banger-stream\r\n\r\n");
    await work(socket, {
      params: match.params,
      query: match.query,
      body: undefined,
      upload: Buffer.alloc(0),
      signal: new AbortController().signal,
      emit: () => undefined,
      write: () => undefined,
    });
  } catch {
    socket.destroy();
  }
}

function matchRoute(request: IncomingMessage): Match | undefined {
  const url = new URL(request.url ?? "/", "http://banger");
  for (const [id, route] of Object.entries(routes) as [keyof Routes, Route][]) {
    const pattern = new RegExp(`^${route.path.replaceAll(/:([a-z]+)/g, "(?<$1>[^/]+)")}$`);
    const found = pattern.exec(url.pathname);
    if (found === null || route.method !== request.method) continue;
    const params = Object.fromEntries(Object.entries(found.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]));
    return { id, route, params, query: Object.fromEntries(url.searchParams) };
  }
  return undefined;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
