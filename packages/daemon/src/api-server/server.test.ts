// The API against what callers get wrong: unknown fields, wrong types, huge bodies, half requests.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { BangerError, createClient, routes, shortSocketPath, type BodyOf, type ErrorBody, type ProgressEvent } from "@banger/api";
import { poll } from "@banger/host";
import type { FastifyInstance } from "fastify";
import { listenOnSocket } from "../listen.ts";
import { OperationRegistry, type Operation } from "../operations/registry.ts";
import { handlersOf, type HandlerDeps, type Handlers } from "./handlers.ts";
import { createApiServer } from "./server.ts";

describe("the API server", () => {
  let directory: string;
  let socket: string;
  let app: FastifyInstance;
  let created: BodyOf<typeof routes.vmCreate>[] = [];
  let cancelled = 0;

  before(async () => {
    // Longer than sun_path: reached through a descriptor of its directory.
    directory = await mkdtemp(join(tmpdir(), `banger-api-${"x".repeat(100)}`));
    socket = join(directory, "bangerd.sock");
    const operations = new OperationRegistry({ newId: () => "0001", now: () => new Date(0), dataDir: "/", log: () => undefined });
    app = createApiServer({ operations, onActivity: () => undefined, handlers: handlers(operations) });
    await app.ready();
    await listenOnSocket(app, socket);
  });
  after(async () => {
    await app.close();
    await rm(directory, { recursive: true, force: true });
  });

  function handlers(operations: OperationRegistry): Handlers {
    const none = (name: string) => {
      throw new BangerError("vm.not_found", `there is no VM ${name}`);
    };
    const show = async (name: string) => (name === "api" ? { name, forwards: [] } : none(name));
    const vms = { show, stop: async (name: string) => none(name) };
    const unused = handlersOf({ operations, vms: vms as object } as HandlerDeps);
    return {
      ...unused,
      vmCreate: {
        kind: "operation",
        target: () => null,
        run: async ({ body }, operation: Operation) => {
          created.push(body);
          if (body.name === "slow") {
            await once(operation.signal, "abort");
            cancelled += 1;
            throw operation.signal.reason;
          }
          operation.warn("x.y", "careful");
          throw new BangerError("vm.name_taken", "taken", { hint: "another" });
        },
      },
      // Reads a little, then refuses, as a guest does that finds an entry it does not take.
      vmFilesPut: {
        kind: "json",
        run: async ({ stream }) => {
          await once(stream, "readable");
          stream.destroy();
          throw new BangerError("guest.disk_full", "full");
        },
      },
      vmDial: { kind: "upgrade", carries: "bytes", run: () => Promise.resolve(new PassThrough()) },
    };
  }

  const post = (body: unknown) => createClient(socket).progress(routes.vmCreate, { body: body as BodyOf<typeof routes.vmCreate> });
  const refused = (code: string, message?: RegExp) => (error: unknown) =>
    error instanceof BangerError && error.code === code && (message === undefined || message.test(error.message));

  test("the socket is the owner's alone", async () => {
    assert.equal((await stat(socket)).mode & 0o777, 0o600);
  });

  test("unknown fields and wrong types are refused by name and reach nobody", async () => {
    created = [];
    await assert.rejects(post({ nmae: "x" }), refused("api.bad_request", /nmae/));
    await assert.rejects(post({ spec: { vcpu: "2" } }), refused("api.bad_request", /spec\.vcpu.*expected number, received string/));
    await assert.rejects(post({ spec: { vcpu: -1 } }), refused("api.bad_request"));
    await assert.rejects(post({ name: "Not A Name" }), refused("vm.bad_name", /"Not A Name" is not a VM name/));
    await assert.rejects(post({ name: 5 }), (error: unknown) => {
      assert.ok(error instanceof BangerError);
      assert.deepEqual(error.details, { issues: [{ path: ["name"], message: "Invalid input: expected string, received number" }] });
      return true;
    });
    await assert.rejects(post([]), refused("api.bad_request"));
    assert.deepEqual(created, []);
  });

  test("an upload that is refused in the middle is told why, however much is still to come", async () => {
    let sent = 0;
    const source = new Readable({
      read() {
        sent += 1;
        this.push(sent > 1000 ? null : Buffer.alloc(256 * 1024));
      },
    });
    const upload = createClient(socket).upload(routes.vmFilesPut, { params: { name: "api" }, query: { path: "/" } }, { source });
    await assert.rejects(upload, refused("guest.disk_full", /full/));
  });

  test("a body of 10 MB is refused, half a request too, and the server lives on", async () => {
    await assert.rejects(
      post({ name: "x".repeat(10 * 1024 * 1024) }),
      (error: unknown) => error instanceof BangerError && (error.code === "api.too_large" || error.code === "daemon.unreachable"),
    );
    using short = shortSocketPath(socket);
    const half = connect({ path: short.path });
    half.on("error", () => undefined);
    half.write("POST /v1/vms HTTP/1.1\r\ncontent-length: 100\r\n\r\n{");
    half.destroy();
    const garbage = connect({ path: short.path });
    garbage.on("error", () => undefined);
    garbage.end("\0\0\0garbage\r\n\r\n");
    await once(garbage.resume(), "close");
    await assert.rejects(post({ name: "fine" }), refused("vm.name_taken"));
  });

  test("an operation's error carries its id, its events come first, hanging up cancels it", async () => {
    const events: string[] = [];
    const failed = createClient(socket).progress(
      routes.vmCreate,
      { body: { name: "fine" } },
      { onEvent: (event) => events.push(event.type) },
    );
    await assert.rejects(
      failed,
      (error: unknown) => error instanceof BangerError && error.operationId === "0001" && error.hint === "another",
    );
    assert.deepEqual(events, ["operation", "warning"]);
    const hangUp = new AbortController();
    const slow = createClient(socket).progress(
      routes.vmCreate,
      { body: { name: "slow" } },
      { signal: hangUp.signal, onEvent: () => hangUp.abort() },
    );
    await assert.rejects(slow);
    await poll(() => (cancelled === 0 ? undefined : true), { timeoutMs: 5_000 });
    assert.equal(cancelled, 1);
  });

  test("an upgraded connection carries bytes with half-close", async () => {
    const stream = await createClient(socket).upgrade(routes.vmDial, { params: { name: "a" }, query: { address: "x" } });
    stream.end("there and back");
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(Buffer.from(chunk));
    assert.equal(Buffer.concat(chunks).toString(), "there and back");
  });

  test("what nobody reads is refused: a mistyped query, a body where none is taken", async () => {
    const refusals = [
      { method: "POST", url: "/v1/vms/api/start?wiat=ssh" },
      { method: "GET", url: "/v1/vms?all=true" },
      { method: "POST", url: "/v1/vms/api/start", payload: { wait: "ssh" } },
      { method: "POST", url: "/v1/vms/api/start", payload: "tar", headers: { "content-type": "application/x-tar" } },
    ] as const;
    for (const request of refusals) {
      const answer = await app.inject(request);
      assert.deepEqual([answer.statusCode, answer.json<ErrorBody>().code], [400, "api.bad_request"], JSON.stringify(request));
    }
    assert.match((await app.inject(refusals[0])).json<ErrorBody>().message, /the query: .*wiat/);
    assert.match((await app.inject(refusals[2])).json<ErrorBody>().message, /takes no body/);
  });

  test("what is no proper request has a typed error, too", async () => {
    const badPath = await app.inject({ method: "GET", url: "/v1/vms/%ff" });
    assert.deepEqual([badPath.statusCode, badPath.json<ErrorBody>().code], [400, "api.bad_request"]);
    const form = {
      method: "POST",
      url: "/v1/vms",
      payload: "{}",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    } as const;
    assert.match((await app.inject(form)).json<ErrorBody>().hint ?? "", /content-type: application\/json/);
    const plain = await app.inject({ method: "GET", url: "/v1/exec/e1/attach" });
    assert.deepEqual(
      [plain.statusCode, plain.headers.upgrade, plain.json<ErrorBody>().code],
      [426, "banger-stream", "api.upgrade_required"],
    );
    using short = shortSocketPath(socket);
    const upgrade = connect({ path: short.path });
    upgrade.write("GET /v1/exec/%E0/attach HTTP/1.1\r\nhost: b\r\nconnection: Upgrade\r\nupgrade: banger-stream\r\n\r\n");
    const chunks: Buffer[] = [];
    for await (const chunk of upgrade) chunks.push(chunk as Buffer);
    assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 400 [^]*api\.bad_request[^]*%E0/);
  });

  test("what fails at once is an error by its status, not a stream that ends in one", async () => {
    const answer = await app.inject({ method: "POST", url: "/v1/vms/nope/stop" });
    assert.deepEqual(
      [answer.statusCode, answer.json()],
      [404, { code: "vm.not_found", message: "there is no VM nope", operationId: "0001" }],
    );
    assert.equal((await app.inject({ method: "POST", url: "/v1/vms/nope/wait" })).statusCode, 404);
    assert.equal((await app.inject({ method: "GET", url: "/v1/operations/nope/events" })).statusCode, 404);
  });

  test("more virtual CPUs than the host has are remarked upon", async () => {
    const operations = new OperationRegistry({ newId: () => "0001", now: () => new Date(0), dataDir: "/", log: () => undefined });
    const vms = { create: () => Promise.resolve({}) };
    const { vmCreate } = handlersOf({
      operations,
      vms: vms as object,
      checkVmUser: async () => undefined,
      hostCpus: () => 2,
    } as HandlerDeps);
    const warningsOf = async (vcpu: number) => {
      const events: ProgressEvent[] = [];
      const run = {
        kind: "vmCreate",
        target: null,
        signal: new AbortController().signal,
        onEvent: (event: ProgressEvent) => events.push(event),
      };
      assert.ok(vmCreate.kind === "operation");
      const input = { params: undefined, query: undefined, body: { spec: { vcpu } }, stream: Readable.from([]) };
      await operations.run(run, (operation) => vmCreate.run(input, operation));
      return events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
    };
    assert.deepEqual(await warningsOf(4), ["4 virtual CPUs on a host that has 2: they take turns"]);
    assert.deepEqual(await warningsOf(2), []);
  });

  test("a port that is not published cannot be taken back", async () => {
    const answer = await app.inject({ method: "DELETE", url: "/v1/vms/api/forwards?hostAddress=127.0.0.1&hostPort=8080" });
    assert.deepEqual([answer.statusCode, answer.json<ErrorBody>().code], [409, "network.not_published"]);
  });

  test("an unknown route names where they are listed", async () => {
    const answer = await app.inject({ method: "GET", url: "/v2/vms" });
    assert.equal(answer.statusCode, 404);
    assert.match(answer.json<{ hint: string }>().hint, /openapi/);
  });
});
