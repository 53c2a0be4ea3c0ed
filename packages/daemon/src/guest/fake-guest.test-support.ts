// The fake agent and a client of it, for tests of what is above the client.
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { duplexPair, type Duplex } from "node:stream";
import { FakeAgent, type FakeAgentOptions } from "../../../testkit/src/fake-agent.ts";
import { connectGuest } from "./client.ts";
import type { GuestClient, GuestConfiguration } from "./contract.ts";

export interface FakeGuest extends AsyncDisposable {
  readonly agent: FakeAgent;
  readonly client: GuestClient;
  readonly rootDir: string;
  /** The byte stream under `client`. */
  readonly channel: Duplex;
}

/** A configured fake guest, connected. */
export async function fakeGuest(options: Partial<FakeAgentOptions> = {}): Promise<FakeGuest> {
  const rootDir = await mkdtemp(join(tmpdir(), "banger-guest-"));
  const agent = new FakeAgent({ rootDir, env: { PATH: process.env["PATH"] }, ...options });
  await agent.configure({ hostname: "sandbox" } as GuestConfiguration);
  const [channel, end] = duplexPair();
  agent.serve(end);
  const signal = new AbortController().signal;
  const client = await connectGuest({ kind: "vsock", open: async () => channel, bulkDisk: options.bulkDisk, signal, timeoutMs: 5000 });
  return {
    agent,
    client,
    rootDir,
    channel,
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]();
      await agent[Symbol.asyncDispose]();
      await rm(rootDir, { recursive: true, force: true });
    },
  };
}

/** Both ends of a Unix socket connection. */
export async function socketPair(): Promise<readonly [near: Socket, far: Socket]> {
  const directory = await mkdtemp(join(tmpdir(), "banger-pair-"));
  const path = join(directory, "s");
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const far = connect({ path, allowHalfOpen: true });
  const near = await accepted;
  server.close();
  await rm(directory, { recursive: true, force: true });
  return [near, far];
}
