// The daemon is started on demand: once, past stale sockets and leaving daemons, and its failure is told in its own words.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { createClient, resolvePaths, routes, type Client } from "@banger/api";
import type { CliContext } from "../context.ts";
import { daemonInfo, type Script } from "../testing/fake-daemon.ts";
import { fakeVm } from "../testing/fixtures.ts";
import { openScene, type Scene } from "../testing/run-cli.ts";
import { connect, open, pingDaemon } from "./connect.ts";

const daemonProgram = [process.execPath, join(import.meta.dirname, "../testing/fake-bangerd.ts")];
const STARTING = "Starting the banger daemon for you (logs: banger daemon logs)\n";

const pathsOf = (scene: Scene) => resolvePaths({ uid: 1000, home: scene.home, env: scene.env });
const logOf = (scene: Scene) => readFileSync(pathsOf(scene).logFile, "utf8");

test("without a daemon one is started and stays; it is said once", async () => {
  await using scene = await openScene();
  assert.deepEqual(await scene.cli(["vm", "list", "--json"], { daemonProgram }), { status: 0, stdout: "[]\n", stderr: "" });
  assert.deepEqual(await scene.cli(["vm", "list"], { daemonProgram }), {
    status: 0,
    stdout: "",
    stderr: "no VMs.  make one: banger vm run\n",
  });
  assert.deepEqual(await scene.cli(["daemon", "stop"]), { status: 0, stdout: "", stderr: "the daemon has left; 1 VM keeps running\n" });
  assert.equal((await scene.cli(["vm", "list"], { daemonProgram })).stderr, `${STARTING}no VMs.  make one: banger vm run\n`);
  await scene.cli(["daemon", "stop"]);
});

test("several commands at once end with one daemon", async () => {
  await using scene = await openScene();
  const all = await Promise.all(Array.from({ length: 5 }, () => scene.cli(["vm", "list", "--json"], { daemonProgram })));
  for (const said of all) assert.deepEqual(said, { status: 0, stdout: "[]\n", stderr: "" });
  assert.equal(logOf(scene).match(/: listening$/gm)?.length, 1);
  await scene.cli(["daemon", "stop"]);
});

test("a stale socket is no daemon", async () => {
  await using scene = await openScene();
  const { socket } = pathsOf(scene);
  mkdirSync(dirname(socket), { recursive: true });
  const killed = spawn(process.execPath, [
    "-e",
    "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))",
    socket,
  ]);
  await once(killed, "exit");
  assert.ok(existsSync(socket));
  assert.equal((await scene.cli(["vm", "list", "--json"], { daemonProgram })).status, 0);
  await scene.cli(["daemon", "stop"]);
});

test("a daemon that is just leaving is waited for", async () => {
  await using scene = await openScene();
  const lock = join(scene.home, "lock");
  mkdirSync(lock);
  const said = scene.cli(["vm", "list", "--json"], { daemonProgram });
  // The first daemon must have lost before the lock is free.
  const { logFile } = pathsOf(scene);
  while (!(existsSync(logFile) && logOf(scene).includes("another holds the lock"))) await new Promise((resolve) => setImmediate(resolve));
  rmdirSync(lock);
  assert.equal((await said).status, 0);
  await scene.cli(["daemon", "stop"]);
});

test("a daemon that cannot start is told in its own words", async () => {
  await using scene = await openScene();
  const env = { FAKE_BANGERD: "broken" };
  const expected = `${STARTING}error: the daemon did not start: it ended with status 1
  reading config.toml
  bangerd: config.toml:3: unknown key vm_default
  try: banger daemon logs
`;
  for (let time = 0; time < 2; time += 1)
    assert.deepEqual(await scene.cli(["vm", "list"], { daemonProgram, env }), { status: 1, stdout: "", stderr: expected });
  assert.equal((await scene.cli(["daemon", "logs", "-n", "1"])).stdout, "bangerd: config.toml:3: unknown key vm_default\n");
});

test("an error the daemon tells is told as it is", async () => {
  await using scene = await openScene();
  assert.deepEqual(await scene.cli(["vm", "list"], { daemonProgram, env: { FAKE_BANGERD: "refusing" } }), {
    status: 1,
    stdout: "",
    stderr: `${STARTING}error: the daemon did not start: state.db is damaged\n  try: put a copy of it back\n`,
  });
});

test("a daemon's program that is not there", async () => {
  await using scene = await openScene();
  assert.match(
    (await scene.cli(["vm", "list"], { daemonProgram: ["/nonexistent/bangerd"] })).stderr,
    /error: the daemon did not start: spawn \/nonexistent\/bangerd ENOENT\n/,
  );
  assert.match((await scene.cli(["vm", "list"])).stderr, /error: the daemon's program was not found beside banger\n/);
});

test("a home where the kernel lets nobody make anything is named", async () => {
  await using scene = await openScene();
  const { status, stderr } = await scene.cli(["vm", "list"], { daemonProgram, env: { BANGER_HOME: "/proc/nope" } });
  assert.equal(status, 1);
  assert.match(stderr, /error: banger cannot keep its state in \/proc\/nope\/state \(E\w+\)\n {2}try: make it writable/);
});

test("a home in which nothing can be made is named; nothing is started", async () => {
  await using scene = await openScene();
  const file = join(scene.home, "file");
  writeFileSync(file, "");
  const env = { BANGER_HOME: file };
  const refusal = `error: banger cannot keep its state in ${file}/state (ENOTDIR)\n  try: make it writable for you, or set BANGER_HOME to a directory that is\n`;
  assert.deepEqual(await scene.cli(["vm", "list"], { daemonProgram, env }), {
    status: 1,
    stdout: "",
    stderr: `${STARTING}${refusal}`,
  });
  assert.deepEqual(await scene.cli(["vm", "run"], { daemonProgram, env }), {
    status: 125,
    stdout: "",
    stderr: refusal,
  });
  const relative = await scene.cli(["vm", "list"], { daemonProgram, env: { BANGER_HOME: "rel" } });
  assert.deepEqual(relative, {
    status: 1,
    stdout: "",
    stderr: `error: BANGER_HOME is "rel", not an absolute path\n  try: BANGER_HOME="$PWD/rel"\n`,
  });
});

test("a socket that the user names is not ours to start", async () => {
  await using scene = await openScene();
  const socket = join(scene.home, "other.sock");
  assert.deepEqual(await scene.cli(["vm", "list"], { daemonProgram, env: { BANGER_SOCKET: socket } }), {
    status: 1,
    stdout: "",
    stderr: `error: no daemon answers at ${socket}\n  try: start it, or leave out --socket and BANGER_SOCKET to have one started for you\n`,
  });
});

test("a daemon of another version is told how to leave", async () => {
  await using scene = await openScene({ ping: () => ({ ...daemonInfo("/s"), version: "9.9.9" }), vmList: () => [] });
  assert.deepEqual(await scene.cli(["vm", "list"]), {
    status: 1,
    stdout: "",
    stderr:
      "error: the daemon is version 9.9.9, this banger is 0.1.0\n  try: banger daemon stop (VMs keep running); the next command starts the new daemon\n",
  });
  assert.equal((await scene.cli(["version"])).stdout, "banger  0.1.0\ndaemon  9.9.9\n");
});

test("a daemon of another API too, and it can be stopped", async () => {
  let isThere = true;
  await using scene = await openScene({
    ping: () => ({ ...daemonInfo("/s"), api: isThere ? 2 : 1 }) as never,
    daemonStop: () => {
      isThere = false;
      return {};
    },
  });
  assert.match(
    (await scene.cli(["vm", "list"])).stderr,
    /^error: the daemon speaks another version of the API\n {2}try: banger daemon stop/,
  );
});

test("another program's server at the socket is called that, and nothing is started", async () => {
  await using scene = await openScene();
  const { socket } = pathsOf(scene);
  mkdirSync(dirname(socket), { recursive: true });
  const foreign = createHttpServer((_request, response) => void response.writeHead(404).end("<h1>404</h1>")).listen(socket);
  await once(foreign, "listening");
  for (const line of [
    ["vm", "list"],
    ["vm", "stop", "api"],
    ["daemon", "status"],
  ]) {
    assert.deepEqual(await scene.cli(line, { daemonProgram }), {
      status: 1,
      stdout: "",
      stderr: `error: what listens at ${socket} is no banger daemon: it answered 404\n  try: end it, or leave the socket to it and set BANGER_HOME; whose it is: ss -xlp | grep ${socket}\n`,
    });
  }
  foreign.close();
});

test("looking asks once; a daemon that does not tell its version is pinged first", async () => {
  let pings = 0;
  const script = {
    ping: () => {
      pings += 1;
      return daemonInfo("/s");
    },
    vmList: () => [],
  };
  await using scene = await openScene(script, { tellsVersion: false });
  assert.equal((await scene.cli(["vm", "list", "--json"])).stdout, "[]\n");
  assert.deepEqual([pings, scene.daemon?.calls], [1, ["vmList", "vmList"]]);
  await using current = await openScene({ vmList: () => [] });
  assert.equal((await current.cli(["vm", "list", "--json"])).stdout, "[]\n");
  assert.deepEqual(current.daemon?.calls, ["vmList"]);
});

test("a daemon of another build does its work, and is remarked upon once", async () => {
  await using scene = await openScene({ ping: () => ({ ...daemonInfo("/s"), build: "older" }), vmList: () => [], vmStop: () => fakeVm() });
  const remark =
    "! the daemon is of another build than this banger: banger daemon stop (VMs keep running); the next command starts the new daemon\n";
  assert.deepEqual(await scene.cli(["vm", "list"]), { status: 0, stdout: "", stderr: `${remark}no VMs.  make one: banger vm run\n` });
  assert.deepEqual(await scene.cli(["vm", "stop", "sandbox"]), { status: 0, stdout: "sandbox running\n", stderr: remark });
  assert.equal((await scene.cli(["vm", "list", "--json"])).stderr, "");
});

test("a command too is asked for at once; a daemon that is silent over it is asked again, and waited for", async () => {
  let asked = 0;
  const script: Script = {
    vmExec: async ({ signal }) => {
      asked += 1;
      if (asked === 1) await once(signal, "abort");
      return { id: "e1" };
    },
  };
  await using scene = await openScene(script);
  const { socket: path } = pathsOf(scene);
  const context = { socket: { path, isExplicit: false }, connect: (): Promise<Client> => connect({ context: context as CliContext }) };
  const request = { context, route: routes.vmExec, input: { params: { name: "api" }, body: { argv: ["true"] } } };
  assert.deepEqual((await open({ ...request, timeoutMs: 500 })).result, { id: "e1" });
  assert.equal(asked, 2);
  assert.deepEqual((await open(request)).result, { id: "e1" });
  assert.equal(asked, 3);
});

test("what listens and never answers is not waited for without end", async () => {
  await using scene = await openScene();
  const path = join(scene.home, "mute.sock");
  const mute = createServer().listen(path);
  await once(mute, "listening");
  await assert.rejects(pingDaemon(createClient(path), 50), {
    code: "daemon.unreachable",
    message: `what listens at ${path} has not answered in 0.05 s`,
    hint: /banger daemon logs/,
  });
  mute.close();
});

test("daemon status, version and logs start nothing", async () => {
  await using scene = await openScene();
  assert.deepEqual(await scene.cli(["daemon", "status"], { daemonProgram }), {
    status: 1,
    stdout: "not running: the next command starts it\n",
    stderr: "",
  });
  assert.deepEqual(JSON.parse((await scene.cli(["daemon", "status", "--json"])).stdout), {
    running: false,
    socket: pathsOf(scene).socket,
    logFile: pathsOf(scene).logFile,
  });
  assert.deepEqual(await scene.cli(["version", "--json"]), {
    status: 0,
    stdout: `${JSON.stringify({ banger: "0.1.0", daemon: null }, null, 2)}\n`,
    stderr: "",
  });
  assert.deepEqual(await scene.cli(["daemon", "logs"]), {
    status: 0,
    stdout: "",
    stderr: `there is no log yet: ${pathsOf(scene).logFile}\n`,
  });
  assert.deepEqual(await scene.cli(["daemon", "stop"]), { status: 0, stdout: "", stderr: "the daemon is not running\n" });
});
