// The fake agent and a client of it, for tests of what is above the client.
import { mkdtemp, rm } from "node:fs/promises";
import { performServerHandshake, type ServerHttp2Stream } from "node:http2";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { duplexPair, type Duplex } from "node:stream";
import { eagerWrites } from "../../../testkit/src/eager-writes.ts";
import { FakeAgent, type FakeAgentOptions } from "../../../testkit/src/fake-agent.ts";
import { AgentClient, type GuestDeadlines } from "./agent-client.ts";
import { connectGuest } from "./client.ts";
import type { GuestClient, GuestConfiguration } from "./contract.ts";
import { GuestSession } from "./session.ts";

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

/** How long a guest may take that means no good, in milliseconds. */
export const SHORT_DEADLINES: GuestDeadlines = { answerMs: 300, configureMs: 300, beginMs: 300, stallMs: 300, finishMs: 300 };

export type AnsweringHandler = (stream: ServerHttp2Stream, path: string) => void;

/** A client of an HTTP/2 server that does as `handler` says. */
export function answeringGuest(
  handler: AnsweringHandler,
  { bulkDisk = null, deadlines = SHORT_DEADLINES }: { readonly bulkDisk?: string | null; readonly deadlines?: GuestDeadlines } = {},
): AgentClient {
  const [near, far] = duplexPair();
  const session = performServerHandshake(eagerWrites(far), { maxHeaderListPairs: 1000 });
  session.on("error", () => undefined);
  session.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    try {
      handler(stream, String(headers[":path"]).split("?")[0] ?? "");
    } catch {
      stream.close(2);
    }
  });
  return new AgentClient(new GuestSession(near), bulkDisk, deadlines);
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
