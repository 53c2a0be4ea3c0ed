// A client of the daemon that answers and speaks our version; the daemon is started when nobody listens.
import { BangerError, createClient, routes, type Client, type DaemonInfo } from "@banger/api";
import type { CliContext } from "../context.ts";
import { VERSION } from "../version.ts";
import { startDaemon } from "./start.ts";

export interface ConnectRequest {
  readonly context: CliContext;
  readonly signal?: AbortSignal | undefined;
}

export async function connect({ context, signal }: ConnectRequest): Promise<Client> {
  const client = createClient(context.socket.path);
  const info = (await pingDaemon(client)) ?? (await startAndPing(context, client, signal));
  checkVersion(info);
  return client;
}

/**
 * What the daemon says of itself; undefined when there is none, or one that is leaving. Throws `api.version_skew` when its
 * answer is not ours to read, `daemon.unreachable` when the socket is there but closed to us or mute.
 */
export async function pingDaemon(client: Client, timeoutMs = PING_TIMEOUT_MS): Promise<DaemonInfo | undefined> {
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    return await client.call(routes.ping, {}, { signal: deadline });
  } catch (error) {
    if (deadline.aborted)
      throw new BangerError("daemon.unreachable", `what listens at ${client.socketPath} has not answered in ${timeoutMs / 1000} s`, {
        hint: "banger daemon logs; end it if it hangs: VMs keep running",
        cause: error,
      });
    if (!(error instanceof BangerError))
      throw new BangerError("api.version_skew", "the daemon speaks another version of the API", { hint: RESTART_HINT, cause: error });
    if (error.code === "daemon.stopping" || (error.code === "daemon.unreachable" && NOBODY.has(causeCode(error)))) return undefined;
    throw error;
  }
}

/** Milliseconds in which the least of answers must come; a busy machine takes seconds. */
const PING_TIMEOUT_MS = 20_000;

const RESTART_HINT = "banger daemon stop (VMs keep running); the next command starts the new daemon";

/** What connecting to a missing, stale or closing socket fails with; ENOTDIR: what should hold it is a file. */
const NOBODY: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ECONNREFUSED", "ECONNRESET", "EPIPE"]);

function causeCode(error: BangerError): string {
  return (error.cause as NodeJS.ErrnoException | undefined)?.code ?? "";
}

function checkVersion(info: DaemonInfo): void {
  if (info.version === VERSION) return;
  throw new BangerError("api.version_skew", `the daemon is version ${info.version}, this banger is ${VERSION}`, { hint: RESTART_HINT });
}

async function startAndPing(context: CliContext, client: Client, signal: AbortSignal | undefined): Promise<DaemonInfo> {
  if (context.socket.isExplicit) {
    throw new BangerError("daemon.unreachable", `no daemon answers at ${context.socket.path}`, {
      hint: "start it, or leave out --socket and BANGER_SOCKET to have one started for you",
    });
  }
  return startDaemon({ context, signal, ping: () => pingDaemon(client) });
}
