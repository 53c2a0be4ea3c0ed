// The client against the real agent in a VM. BANGER_TEST_BOOT_DIR names a directory with bzImage and initramfs.cpio
// (scripts/test-boot-files.ts); BANGER_TEST_BASE_IMAGE a squashfs with a shell, and busybox or perl, for what needs a root.
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import type { GuestClient } from "./contract.ts";
import { guestClientContract, type GuestUnderTest } from "./contract-suite.ts";
import { execResult } from "./exec-result.test-support.ts";
import { bootQemu, configureQemu } from "./qemu-guest.test-support.ts";

const bootDir = process.env["BANGER_TEST_BOOT_DIR"];
const baseImage = process.env["BANGER_TEST_BASE_IMAGE"];

if (bootDir === undefined)
  test("the real agent", { skip: "set BANGER_TEST_BOOT_DIR (scripts/test-boot-files.ts makes it)" }, () => undefined);
else {
  describe("the real agent in a probe boot", { timeout: 300_000 }, () => probeTests(bootDir));
  if (baseImage === undefined)
    test("the real agent with a root", { skip: "set BANGER_TEST_BASE_IMAGE to a squashfs image" }, () => undefined);
  else guestClientContract("the real agent in QEMU", () => bootConfigured(bootDir, baseImage), { hasTerminals: true });
}

function probeTests(directory: string): void {
  test("answers, refuses what needs a root, survives 20 reconnects, powers off", async () => {
    await using machine = await bootQemu({ bootDir: directory });
    let client = await machine.connect();
    const health = await client.health();
    assert.equal(health.stage, "waiting");
    await assert.rejects(client.exec({ argv: ["true"], stdin: false }), { code: "guest.not_ready" });
    for (let round = 0; round < 20; round += 1) {
      const stop = new AbortController();
      const events = Array.fromAsync(client.events(stop.signal)).catch((error: unknown) =>
        assert.equal((error as { code?: string }).code, "guest.unreachable"),
      );
      if (round % 2 === 0) machine.cut();
      else await client[Symbol.asyncDispose]();
      await client.closed;
      await events;
      client = await machine.connect(20_000);
      assert.equal((await client.health()).bootId, health.bootId);
    }
    await client.shutdown("poweroff", 1000);
    await machine.ended;
  });
}

async function bootConfigured(directory: string, image: string): Promise<GuestUnderTest> {
  const machine = await bootQemu({ bootDir: directory, baseImage: image });
  try {
    await using first = await machine.connect();
    await configureQemu(first);
  } catch (error) {
    await machine[Symbol.asyncDispose]();
    throw error;
  }
  return {
    connect: () => machine.connect(20_000),
    cut: machine.cut,
    echoServer,
    [Symbol.asyncDispose]: machine[Symbol.asyncDispose],
  };
}

const PERL_SERVER = `use IO::Socket::INET; $| = 1;
my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 7000, Listen => 1, ReuseAddr => 1) or die; print "up\\n";
my $c = $s->accept; while (my $n = sysread($c, my $b, 65536)) { for (my $o = 0; $o < $n;) { $o += syswrite($c, $b, $n - $o, $o) } }
syswrite($c, "bye"); close $c;`;

async function echoServer(client: GuestClient): Promise<string> {
  const line = `if command -v perl >/dev/null; then exec perl -e '${PERL_SERVER}'; fi
(sleep 1; echo up) & exec busybox nc -l -p 7000 -s 127.0.0.1 -e sh -c 'cat; printf bye'`;
  const server = await client.exec({ argv: ["sh", "-c", line], login: false, stdin: false });
  const isUp = new Promise<void>((resolve) => {
    execResult(server, undefined, (stdout) => stdout.includes("up") && resolve()).catch(() => undefined);
  });
  await Promise.race([isUp, once(server, "close")]);
  return "127.0.0.1:7000";
}
