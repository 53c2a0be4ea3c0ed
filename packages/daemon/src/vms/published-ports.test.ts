// Ports of guests on the host, over boots and daemons.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { BangerError } from "@banger/api";
import { TestDaemon, type TestDaemonOptions } from "./test-daemon.ts";

const code = (wanted: string) => (error: unknown) => error instanceof BangerError && error.code === wanted;

describe("published ports", () => {
  let directory: string;
  let last: TestDaemon | undefined;
  const daemon = (options?: TestDaemonOptions) => (last = new TestDaemon(directory, options));

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "banger-ports-"));
    await mkdir(join(directory, "vms"));
    await writeFile(join(directory, "file"), "x");
  });
  afterEach(async () => {
    await last?.end();
    await rm(directory, { recursive: true, force: true });
  });

  test("a start whose port another VM has is refused by its name; the VM is stopped and says why", async () => {
    const one = daemon();
    const port = { hostAddress: "127.0.0.1", hostPort: 0, guestPort: 80 };
    const [taken] = (await one.create("a", { publish: [port] })).forwards;
    assert.ok(taken !== undefined);
    await one.create("b");
    await one.run((operation) => one.service.stop("b", operation));
    assert.deepEqual(await one.service.forward("b", taken), taken);
    await one.service.forward("b", taken);
    assert.deepEqual((await one.service.show("b")).forwards, [taken], "the same again is noted once");
    const message = `port 127.0.0.1:${taken.hostPort} is in use by VM a`;
    await assert.rejects(
      one.run((operation) => one.service.start("b", "agent", operation)),
      (error: BangerError) => code("network.port_in_use")(error) && error.message === message,
    );
    const { status, stopReason } = await one.service.show("b");
    // Nothing of the console of its earlier boot, which has nothing to do with it.
    assert.deepEqual([status, stopReason], ["stopped", { code: "start_failed", detail: message }]);
    await one.service.unforward("b", taken);
    await one.service.forward("b", port);
    const { forwards } = await one.run((operation) => one.service.start("b", "agent", operation));
    assert.notEqual(forwards[0]?.hostPort, taken.hostPort);
    const again = await one.service.forward("b", { ...port, guestPort: 81 });
    assert.ok(again.hostPort > 0, "the kernel's choice is answered");
  });

  test("that can be had are opened again by the next daemon, whatever the others", async () => {
    const first = daemon();
    const port = { hostAddress: "127.0.0.1", hostPort: 0, guestPort: 80 };
    const { forwards } = await first.create("a", { publish: [port, { ...port, guestPort: 81 }] });
    const [taken, free] = forwards;
    assert.ok(taken !== undefined && free !== undefined);
    await first.crash();
    const squatter = createServer().listen(taken.hostPort, "127.0.0.1");
    await once(squatter, "listening");
    try {
      const second = daemon();
      await second.reconcile();
      assert.deepEqual((await second.service.show("a")).forwards, forwards);
      await assert.rejects(once(createServer().listen(free.hostPort, "127.0.0.1").unref(), "listening"), { code: "EADDRINUSE" });
    } finally {
      squatter.close();
    }
  });

  test("asked for while the VM boots are open once it runs", async () => {
    const one = daemon({ plan: (_, boot) => (boot === 1 ? {} : { bootMs: 1500 }) });
    await one.create("a");
    await one.run((operation) => one.service.stop("a", operation));
    const starting = one.run((operation) => one.service.start("a", "agent", operation));
    await one.seen("a", "starting");
    const made = await one.service.forward("a", { hostAddress: "127.0.0.1", hostPort: 0, guestPort: 80 });
    assert.ok(made.hostPort > 0);
    await starting;
    assert.deepEqual((await one.service.show("a")).forwards, [made]);
  });
});
