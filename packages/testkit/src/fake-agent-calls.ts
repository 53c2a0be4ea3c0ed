// Each call of docs/guest-protocol.md as the fake agent answers it.
import { spawn } from "node:child_process";
import { existsSync, lstatSync } from "node:fs";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { connect } from "node:net";
import { basename, dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import type { GuestConfiguration } from "../../daemon/src/guest/contract.ts";
import type { Ending, FakeAgent } from "./fake-agent.ts";
import { serveExec } from "./fake-exec.ts";
import { unpackBody, unpackParts } from "./fake-put-files.ts";
import { answerRemoval, answerSelection, answerTree } from "./fake-tree.ts";

interface Request {
  readonly agent: FakeAgent;
  readonly stream: ServerHttp2Stream;
  readonly query: URLSearchParams;
}

const calls: Readonly<Record<string, (request: Request) => void | Promise<void>>> = {
  "GET /v1/health": ({ agent, stream }) => answer(stream, agent.health()),
  "POST /v1/configure": configure,
  "GET /v1/events": events,
  "POST /v1/exec": exec,
  "PUT /v1/files": putFiles,
  "PUT /v1/files/by-disk": putFilesByDisk,
  "GET /v1/files": getFiles,
  "POST /v1/files": selectFiles,
  "POST /v1/files/remove": removeFiles,
  "GET /v1/stat": statFile,
  "GET /v1/tree": listTree,
  "POST /v1/tree": identifyTree,
  "POST /v1/dial": dial,
  "GET /v1/ports": ({ stream }) => answer(stream, { ports: [] }),
  "GET /v1/stats": ({ stream }) =>
    answer(stream, {
      memoryTotalBytes: 2 ** 31,
      memoryAvailableBytes: 2 ** 30,
      load1: 0.5,
      diskTotalBytes: 2 ** 33,
      diskUsedBytes: 2 ** 22,
      processes: 42,
    }),
  "POST /v1/clock": clock,
  "POST /v1/shutdown": shutdown,
};

/** Answers one request, or does what the agent's faults say. */
export function answerRequest(agent: FakeAgent, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  stream.on("error", () => undefined);
  const url = new URL(headers[":path"] ?? "/", "http://agent");
  if (agent.faults.hang?.includes(url.pathname) === true) return void stream.resume();
  const fault = agent.faults.fail?.[url.pathname];
  if (fault !== undefined) return refuse(stream, fault.status, fault);
  const call = calls[`${headers[":method"]} ${url.pathname}`];
  if (call === undefined) return refuse(stream, 404, { code: "not_found", message: `no call ${url.pathname}` });
  Promise.resolve(call({ agent, stream, query: url.searchParams })).catch((error: unknown) => {
    refuse(stream, 500, { code: "failed", message: String(error) });
  });
}

function answer(stream: ServerHttp2Stream, body: unknown): void {
  if (stream.destroyed) return;
  stream.respond({ ":status": 200, "content-type": "application/json" });
  stream.end(JSON.stringify(body));
}

function refuse(stream: ServerHttp2Stream, status: number, error: { readonly code: string; readonly message: string }): void {
  if (stream.destroyed || stream.headersSent) return stream.destroy() as unknown as void;
  stream.resume();
  stream.respond({ ":status": status, "content-type": "application/json" });
  stream.end(JSON.stringify({ code: error.code, message: error.message }));
}

function needsRoot({ agent, stream }: Request): boolean {
  if (agent.stage === "running") return true;
  refuse(stream, 409, { code: "not_configured", message: `the guest is ${agent.stage}` });
  return false;
}

async function configure({ agent, stream }: Request): Promise<void> {
  const configuration = JSON.parse(await text(stream)) as GuestConfiguration;
  if (agent.stage !== "waiting") return refuse(stream, 409, { code: "already_configured", message: `the guest is ${agent.stage}` });
  await agent.configure(configuration);
  answer(stream, {});
}

function events({ agent, stream }: Request): void {
  stream.respond({ ":status": 200, "content-type": "application/x-ndjson" });
  const stop = agent.follow((event) => {
    if (stream.writable) stream.write(`${JSON.stringify(event)}\n`);
  });
  stream.once("close", stop);
}

function exec(request: Request): void {
  const { agent, stream } = request;
  if (!needsRoot(request)) return;
  stream.respond({ ":status": 200 });
  serveExec(stream, {
    rootDir: agent.options.rootDir,
    env: agent.options.env ?? {},
    ...(agent.options.onSpawn === undefined ? {} : { onSpawn: agent.options.onSpawn }),
    intercept: (argv) => {
      if (argv.length === 1 && argv[0] === "panic") agent.options.onPanic?.();
      const mode = endingOf(argv);
      if (mode !== undefined) agent.end(mode);
      return mode !== undefined;
    },
  });
}

function endingOf(argv: readonly string[]): Ending | undefined {
  const words = argv[0] === "systemctl" ? argv.slice(1) : argv;
  return (["poweroff", "reboot", "halt"] as const).find((mode) => words.length === 1 && words[0] === mode);
}

async function putFiles(request: Request): Promise<void> {
  if (!needsRoot(request)) return;
  const { agent, stream, query } = request;
  const { status, body } = await unpackBody(stream, join(agent.options.rootDir, query.get("path") ?? "/"));
  if ("code" in body) refuse(stream, status, body);
  else answer(stream, body);
}

async function putFilesByDisk(request: Request): Promise<void> {
  if (!needsRoot(request)) return;
  const { agent, stream, query } = request;
  const disk = agent.options.bulkDisk;
  if (disk === undefined) return refuse(stream, 404, { code: "not_found", message: "no bulk disk" });
  stream.respond({ ":status": 200, "content-type": "application/x-ndjson" });
  const { body } = await unpackParts(stream, disk, join(agent.options.rootDir, query.get("path") ?? "/"));
  agent.partedUploads += 1;
  stream.end(`${JSON.stringify(body)}\n`);
}

function getFiles(request: Request): void {
  if (!needsRoot(request)) return;
  const { agent, stream, query } = request;
  const path = join(agent.options.rootDir, query.get("path") ?? "/");
  if (!existsSync(path)) return refuse(stream, 404, { code: "not_found", message: `${query.get("path")}: no such file or directory` });
  const tar = spawn("tar", ["-c", "-C", dirname(path), "--", basename(path)], { stdio: ["ignore", "pipe", "ignore"] });
  stream.respond({ ":status": 200, "content-type": "application/x-tar" });
  tar.stdout.pipe(stream);
  stream.once("close", () => tar.kill());
}

function statFile(request: Request): void {
  if (!needsRoot(request)) return;
  const path = request.query.get("path") ?? "/";
  const stats = lstatSync(join(request.agent.options.rootDir, path), { throwIfNoEntry: false });
  if (stats === undefined) return refuse(request.stream, 404, { code: "not_found", message: `nothing at ${path}` });
  const type = stats.isFile() ? "file" : stats.isDirectory() ? "directory" : stats.isSymbolicLink() ? "symlink" : "other";
  answer(request.stream, { type, mode: stats.mode & 0o7777, size: stats.size });
}

async function selectFiles(request: Request): Promise<void> {
  if (needsRoot(request)) await answerSelection(request.stream, request.agent.options.rootDir);
}

async function removeFiles(request: Request): Promise<void> {
  if (needsRoot(request)) await answerRemoval(request.stream, request.agent.options.rootDir);
}

function listTree(request: Request): void {
  const { agent, stream, query } = request;
  const root = { rootDir: agent.options.rootDir, path: query.get("path") ?? "/" };
  if (needsRoot(request)) answerTree(stream, root, { stamps: query.get("stamps") ?? undefined });
}

async function identifyTree(request: Request): Promise<void> {
  const { agent, stream } = request;
  if (!needsRoot(request)) return;
  const { path, paths64 } = JSON.parse(await text(stream)) as { readonly path: string; readonly paths64: readonly string[] };
  answerTree(stream, { rootDir: agent.options.rootDir, path }, { paths64 });
}

function dial(request: Request): void {
  if (!needsRoot(request)) return;
  const { agent, stream, query } = request;
  const address = query.get("address") ?? "";
  const colon = address.lastIndexOf(":");
  const isUnix = query.get("network") === "unix";
  const path = [join(agent.options.rootDir, address), address].find((candidate) => existsSync(candidate)) ?? address;
  const target = isUnix ? { path } : { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
  const socket = connect({ ...target, allowHalfOpen: true });
  socket.on("error", (error) => {
    if (stream.headersSent) stream.close(2);
    else refuse(stream, 502, { code: "failed", message: error.message });
  });
  socket.once("connect", () => {
    stream.respond({ ":status": 200 });
    stream.pipe(socket);
    socket.pipe(stream);
  });
  stream.once("close", () => socket.destroy());
}

async function clock({ agent, stream }: Request): Promise<void> {
  const { timeUnixMs } = JSON.parse(await text(stream)) as { timeUnixMs: number };
  const offsetMs = timeUnixMs - Date.now();
  agent.clockSettings.push(offsetMs);
  agent.options.onClock?.(offsetMs);
  answer(stream, { offsetMs });
}

async function shutdown({ agent, stream }: Request): Promise<void> {
  const { mode } = JSON.parse(await text(stream)) as { mode: "poweroff" | "reboot" };
  answer(stream, {});
  if (agent.options.ignoresShutdown !== true) agent.end(mode);
}
