// Makes the code cache of a bundle: node compile.cjs BUNDLE CACHE ARGUMENT... Runs the program with the arguments before a
// daemon that answers everything with one VM, because V8 puts into the cache what has been compiled, and compiles what is
// called.
"use strict";
const { mkdtempSync, readFileSync, renameSync, rmdirSync, writeFileSync } = require("node:fs");
const { createServer } = require("node:net");
const { tmpdir } = require("node:os");
const { dirname, join } = require("node:path");
const { Script } = require("node:vm");

const [filename, cache, ...args] = process.argv.slice(2);
// As in loader.cjs: V8 takes a cache only for a source of the same length.
const source = `(function (require, module, __filename, __dirname) {${readFileSync(filename, "latin1")}\n})`;

async function listen(socketPath) {
  const { VERSION, VERSION_HEADER } = await import("../packages/api/src/version.ts");
  const { fakeVm } = await import("../packages/cli/src/testing/fixtures.ts");
  const answer = `HTTP/1.1 200 OK\r\n${VERSION_HEADER}: ${VERSION}\r\n\r\n${JSON.stringify([fakeVm()])}`;
  const server = createServer((socket) => socket.once("data", () => socket.end(answer)));
  await new Promise((resolve) => server.listen(socketPath, resolve));
  return server;
}

async function main() {
  const scratch = mkdtempSync(join(tmpdir(), "banger-compile-"));
  const socketPath = join(scratch, "socket");
  const server = await listen(socketPath);
  const script = new Script(source, { filename });
  process.once("exit", (status) => {
    server.close();
    rmdirSync(scratch);
    if (status !== 0) throw new Error(`${args.join(" ")} exits ${status}`);
    const cachedData = script.createCachedData();
    if (new Script(source, { filename, cachedData }).cachedDataRejected) throw new Error(`V8 rejects the cache of ${filename}`);
    writeFileSync(`${cache}.new`, cachedData, { mode: 0o644 });
    renameSync(`${cache}.new`, cache);
  });
  process.env.BANGER_SOCKET = socketPath;
  process.argv.splice(1, Infinity, filename, ...args);
  script.runInThisContext()(require, module, filename, dirname(filename));
}

void main();
