#!/usr/bin/env node
// An executable that looks like `firecracker` to the driver and its contract suite, for hosts without KVM. It refuses what
// the real one refuses (fake-rules.ts) and boots a scripted guest (fake-guest.ts).
import { closeSync, lstatSync, openSync, readSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { FakeGuest } from "./fake-guest.ts";
import { FakeFirecracker, type FakeHost } from "./fake-rules.ts";

const VERSION = "1.16.1";
const ELF = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);
/** What Firecracker takes for a body by default, in bytes. */
const MAX_BODY = 51_200;

function main(argv: readonly string[]): void {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      "api-sock": { type: "string", default: "/run/firecracker.socket" },
      id: { type: "string", default: "anonymous-instance" },
      "log-path": { type: "string" },
      level: { type: "string" },
      version: { type: "boolean" },
    },
  });
  if (values.version === true) return void process.stdout.write(`Firecracker v${VERSION}\n\n`);
  if (!/^[A-Za-z0-9-]{1,64}$/.test(values.id)) throw new Error(`invalid instance id ${values.id}`);
  if (values["log-path"] !== undefined) writeFileSync(values["log-path"], `Running Firecracker v${VERSION}\n`, { flag: "r+" });
  serve(values["api-sock"], new FakeFirecracker(hostOf(new FakeGuest()), values.id, VERSION));
}

function serve(socket: string, fake: FakeFirecracker): void {
  createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const call = { method: request.method ?? "", path: request.url ?? "", body: body.toString("utf8") };
      const answer = body.length > MAX_BODY ? { status: 400 as const, fault: "the body is too large" } : fake.handle(call);
      const text =
        answer.status === 400
          ? JSON.stringify({ fault_message: answer.fault })
          : answer.body === undefined
            ? ""
            : JSON.stringify(answer.body);
      response.writeHead(answer.status, answer.status === 204 ? {} : { "Content-Type": "application/json" }).end(text);
    });
  })
    .on("error", (error) => {
      process.stderr.write(`cannot serve the API: ${error.message}\n`);
      process.exit(1);
    })
    .listen(socket);
}

function hostOf(guest: FakeGuest): FakeHost {
  return {
    openFile: (path, access) => closeSync(openSync(path, access === "read" ? "r" : "r+")),
    // A real tap cannot be opened from here; the device that leads to one can.
    openTap: () => closeSync(openSync("/dev/net/tun", "r+")),
    listenVsock: (path) => {
      // Node reports a failed bind later; the left-over that would cause it is visible now.
      if (isThere(path)) throw new Error(`the vsock socket cannot be bound: ${path} is in use`);
      guest.listen(path).on("error", (error) => process.stderr.write(`${error.message}\n`));
    },
    isElf,
    boot: () => guest.boot(),
  };
}

function isElf(path: string): boolean {
  const descriptor = openSync(path, "r");
  try {
    const magic = Buffer.alloc(ELF.length);
    readSync(descriptor, magic, 0, magic.length, 0);
    return magic.equals(ELF);
  } finally {
    closeSync(descriptor);
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

main(process.argv.slice(2));
