// A client of the daemon that answers and speaks our version; the daemon is started when nobody listens.
import {
  BangerError,
  createClient,
  resultOf,
  routes,
  type Answer,
  type CallInput,
  type Client,
  type DaemonInfo,
  type ResultOf,
  type Route,
} from "@banger/api";
import type { CliContext } from "../context.ts";
import { BUILD, FULL_VERSION, VERSION } from "../version.ts";

export interface ConnectRequest {
  readonly context: CliContext;
  readonly signal?: AbortSignal | undefined;
}

export async function connect({ context, signal }: ConnectRequest): Promise<Client> {
  const client = createClient(context.socket.path);
  const info = (await pingDaemon(client)) ?? (await startAndPing(context, client, signal));
  checkVersion(context, info);
  return client;
}

/** A route that by itself does nothing, so that it may be asked before it is known who answers. */
export type Harmless = Route & { readonly kind: "json" } & ({ readonly method: "GET" } | { readonly id: "vmExec" });

export interface Opened<R extends Route> {
  readonly client: Client;
  readonly result: ResultOf<R>;
}

export interface OpenRequest<R extends Harmless> {
  readonly context: Pick<CliContext, "socket" | "connect">;
  readonly signal?: AbortSignal | undefined;
  readonly route: R;
  readonly input: CallInput<R>;
  /** Milliseconds of silence after which it is asked who is there. */
  readonly timeoutMs?: number;
}

/**
 * A daemon of our build and what it answers, in one request when it is there; otherwise as `connect` does. Throws as `connect`
 * and the route do.
 */
export async function open<R extends Harmless>({
  context,
  signal,
  route,
  input,
  timeoutMs = SILENCE_MS,
}: OpenRequest<R>): Promise<Opened<R>> {
  const client = createClient(context.socket.path);
  const options = signal === undefined ? {} : { signal };
  // What waits for a guest is silent meanwhile, and so is a daemon that hangs.
  const isMute = (error: unknown) => route.method !== "GET" && error instanceof BangerError && causeCode(error) === "ETIMEDOUT";
  try {
    const answer = await ask(client, { route, input, timeoutMs, ...options });
    if (answer?.daemonVersion === FULL_VERSION) return { client, result: await resultOf(route, answer, client.socketPath) };
  } catch (error) {
    if (!isLeaving(error) && !isMute(error)) throw error;
  }
  const connected = await context.connect(options);
  return { client: connected, result: await connected.call(route, input, options) };
}

/**
 * What the daemon says of itself; undefined when there is none, or one that is leaving. Throws `api.version_skew` when its
 * answer is not ours to read, `daemon.unreachable` when the socket is there but closed to us, mute, or not banger's.
 */
export async function pingDaemon(client: Client, timeoutMs = SILENCE_MS): Promise<DaemonInfo | undefined> {
  const answer = await ask(client, { route: routes.ping, input: {}, timeoutMs });
  if (answer === undefined) return undefined;
  try {
    return await resultOf(routes.ping, answer, client.socketPath);
  } catch (error) {
    if (isLeaving(error)) return undefined;
    if (error instanceof BangerError && error.code !== "api.not_found") throw error;
    throw new BangerError("api.version_skew", "the daemon speaks another version of the API", { hint: RESTART_HINT, cause: error });
  }
}

interface Question<R extends Route> {
  readonly route: R;
  readonly input: CallInput<R>;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Undefined when nobody listens. */
async function ask<R extends Route>(client: Client, { route, input, ...options }: Question<R>): Promise<Answer | undefined> {
  try {
    return await client.ask(route, input, options);
  } catch (error) {
    if (error instanceof BangerError && error.code === "daemon.unreachable" && NOBODY.has(causeCode(error))) return undefined;
    throw error;
  }
}

/** Milliseconds in which the least of answers must come; a busy machine takes seconds. */
const SILENCE_MS = 20_000;

const RESTART_HINT = "banger daemon stop (VMs keep running); the next command starts the new daemon";

/** What connecting to a missing, stale or closing socket fails with; ENOTDIR: what should hold it is a file. */
const NOBODY: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ECONNREFUSED", "ECONNRESET", "EPIPE"]);

function causeCode(error: BangerError): string {
  return (error.cause as NodeJS.ErrnoException | undefined)?.code ?? "";
}

function isLeaving(error: unknown): boolean {
  return error instanceof BangerError && error.code === "daemon.stopping";
}

/** Another build of our version speaks as we do, as far as it is told from ours: restarting it could cut commands short. */
function checkVersion(context: CliContext, info: DaemonInfo): void {
  if (info.version === VERSION) {
    if (info.build !== BUILD) context.tellOnce(`! the daemon is of another build than this banger: ${RESTART_HINT}`);
    return;
  }
  throw new BangerError("api.version_skew", `the daemon is version ${info.version}, this banger is ${VERSION}`, { hint: RESTART_HINT });
}

async function startAndPing(context: CliContext, client: Client, signal: AbortSignal | undefined): Promise<DaemonInfo> {
  if (context.socket.isExplicit) {
    throw new BangerError("daemon.unreachable", `no daemon answers at ${context.socket.path}`, {
      hint: "start it, or leave out --socket and BANGER_SOCKET to have one started for you",
    });
  }
  const { startDaemon } = await import("./start.ts");
  return await startDaemon({ context, signal, ping: () => pingDaemon(client) });
}
