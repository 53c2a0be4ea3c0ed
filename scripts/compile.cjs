// Makes the code cache of a bundle: node compile.cjs BUNDLE CACHE. Runs the commands that must start fast before a daemon that
// knows one VM, because V8 puts into the cache what has been compiled, and compiles what is called.
"use strict";
const { mkdtempSync, readFileSync, renameSync, rmdirSync, writeFileSync } = require("node:fs");
const { createServer } = require("node:net");
const { tmpdir } = require("node:os");
const { dirname, join } = require("node:path");
const { Script } = require("node:vm");

const [filename, cache] = process.argv.slice(2);
const COMMANDS = [
  ["vm", "list"],
  ["vm", "exec", "sandbox", "--", "true"],
];
// As in loader.cjs: V8 takes a cache only for a source of the same length.
const source = `(function (require, module, __filename, __dirname) {${readFileSync(filename, "latin1")}\n})`;

async function listen(socketPath) {
  globalThis.BANGER_BUILD = readFileSync(join(dirname(filename), "build-id"), "latin1");
  const { FULL_VERSION, VERSION, VERSION_HEADER } = await import("../packages/api/src/version.ts");
  const { encodeControl } = await import("../packages/api/src/frames.ts");
  const { fakeVm } = await import("../packages/cli/src/testing/fixtures.ts");
  const json = (value) => `HTTP/1.1 200 OK\r\n${VERSION_HEADER}: ${FULL_VERSION}\r\n\r\n${JSON.stringify(value)}`;
  const ends = Buffer.concat([encodeControl({ type: "started", pid: 1 }), encodeControl({ type: "exit", status: 0 })]);
  const answers = {
    "GET /v1/ping": json({ version: VERSION }),
    "GET /v1/vms": json([fakeVm()]),
    "POST /v1/vms/sandbox/exec": json({ id: "x" }),
    "GET /v1/exec/x/attach": Buffer.concat([Buffer.from("HTTP/1.1 101 Switching Protocols\r\n\r\n"), ends]),
  };
  const server = createServer((socket) => {
    socket.once("data", (request) => socket.end(answers[/^\S+ \S+/.exec(request)[0]] ?? "HTTP/1.1 404 Not Found\r\n\r\n"));
  });
  await new Promise((resolve) => server.listen(socketPath, resolve));
  return server;
}

/** Runs the program in this process up to its exit. */
function run(program, args) {
  return new Promise((resolve, reject) => {
    process.exit = (status) => (status === 0 ? resolve() : reject(new Error(`${args.join(" ")} exits ${status}`)));
    process.argv.splice(1, Infinity, filename, ...args);
    program(require, module, filename, dirname(filename));
  });
}

async function main() {
  const scratch = mkdtempSync(join(tmpdir(), "banger-compile-"));
  process.env.BANGER_HOME = scratch;
  process.env.BANGER_SOCKET = join(scratch, "socket");
  const server = await listen(process.env.BANGER_SOCKET);
  const script = new Script(source, { filename });
  const { exit } = process;
  try {
    for (const args of COMMANDS) await run(script.runInThisContext(), args);
  } finally {
    server.close();
    rmdirSync(scratch);
  }
  const cachedData = script.createCachedData();
  if (new Script(source, { filename, cachedData }).cachedDataRejected) throw new Error(`V8 rejects the cache of ${filename}`);
  writeFileSync(`${cache}.new`, cachedData, { mode: 0o644 });
  renameSync(`${cache}.new`, cache);
  exit(0);
}

void main();
