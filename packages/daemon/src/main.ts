// The program `bangerd`: the composition root. Everything the daemon is made of is put together here, top to bottom.
import { randomBytes } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import { BangerError, resolvePaths, VERSION, type DaemonInfo, type Paths } from "@banger/api";
import { run, type RunAs } from "@banger/host";
import { createApiServer } from "./api-server/server.ts";
import { handlersOf } from "./api-server/handlers.ts";
import { loadConfig } from "./config/load-config.ts";
import { readHostResources } from "./config/host-resources.ts";
import { resolveSpec } from "./config/resolve-spec.ts";
import { makeDirectories } from "./directories.ts";
import { HOST_FILES } from "./doctor/deps.ts";
import { runDoctor } from "./doctor/run-doctor.ts";
import { connectGuest } from "./guest/client.ts";
import { makeHostKey } from "./guest/ssh-identity.ts";
import { IdleWatch } from "./idle.ts";
import { Images } from "./images/service.ts";
import { listenOnSocket } from "./listen.ts";
import { createLog, rotateLog, type Log } from "./log.ts";
import { allocateAddress, defaultCidr } from "./network/addresses.ts";
import { ForwardSet } from "./network/forwards.ts";
import { realHostView } from "./network/host-view.ts";
import { PublishedPorts } from "./network/published-ports.ts";
import { UserNetwork } from "./network/user.ts";
import { OperationRegistry } from "./operations/registry.ts";
import { acquireDaemonLock, openState } from "./state/database.ts";
import { Journal } from "./state/journal.ts";
import { VmRecords } from "./state/vm-records.ts";
import { VM_USER, vmUser } from "./vm-user.ts";
import { VmmSelection } from "./vmm/selection.ts";
import { VmService } from "./vms/service.ts";

const DEFAULT_IDLE_MS = 5 * 60_000;
const SBIN = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

interface Host {
  readonly uid: number;
  readonly userName: string;
  readonly home: string;
  readonly searchPath: string;
  /** Where this banger is installed: lib/agent, share/images. */
  readonly installation: string;
  readonly idleMs: number;
}

async function main(): Promise<void> {
  const host = readHost();
  // mkfs and its kin are not on an ordinary user's PATH everywhere.
  process.env["PATH"] = host.searchPath;
  process.umask(0o077);
  const paths = resolvePaths({ uid: host.uid, home: host.home, env: process.env });
  await makeDirectories(paths, host.uid === 0);
  rotateLog(paths.logFile);
  const lock = acquireDaemonLock(paths.dataDir);
  // Another daemon is there, or just leaving; whoever started us asks again.
  if (lock === undefined) return process.exit(0);
  const log = createLog();
  process.on("uncaughtException", (error) => {
    log({ stack: error.stack }, "bug: uncaught");
    process.exit(70);
  });
  await serve(host, paths, log);
  log({ pid: process.pid, version: VERSION }, "bangerd listens");
}

async function serve(host: Host, paths: Paths, log: Log): Promise<void> {
  const runAs = await vmUser(host.uid, paths.cacheDir);
  const now = () => new Date();
  const randomHex = (bytes: number) => randomBytes(bytes).toString("hex");
  const operations = new OperationRegistry({ newId: () => randomHex(4), now, log });
  const config = () => loadConfig({ file: paths.configFile, home: host.home });
  const hostResources = () => readHostResources(paths.vmsDir);

  const database = openState(paths.dataDir);
  const network = userNetwork(host, paths, runAs, log);
  const images = imageService(host, paths, runAs);
  const vmms = new VmmSelection({ searchPath: host.searchPath, runAs, config, images, cacheDir: paths.cacheDir, scratchDir: paths.vmsDir, log });
  const forwards = new ForwardSet({
    dial: (vmId, address) => vms.guests.dialById(vmId, address),
    reportFailure: (vmId, mapping, error) => log({ vm: vmId, mapping, error: String(error) }, "a published port's connection failed"),
  });
  const vms: VmService = new VmService(
    {
      records: new VmRecords(database),
      journal: new Journal(database),
      drivers: vmms.drivers,
      chooseDriver: (wanted, signal) => vmms.choose(wanted, signal),
      network,
      ports: new PublishedPorts(forwards),
      images,
      connectGuest,
      newHostKey: makeHostKey,
      vmsDir: paths.vmsDir,
      runAs,
      now,
      randomHex,
      log,
      config,
      hostResources,
      resolveSpec,
      nextAddress: (used) => allocateAddress(network.subnet, used),
    },
    (kind, target, work) => operations.run({ kind, target, signal: new AbortController().signal }, work),
  );

  await operations.run({ kind: "reconcile", target: null, signal: new AbortController().signal }, async (operation) => {
    await images.reconcile((digest) => vms.usersOf(digest));
    await vms.reconcile(operation);
  });

  const startedAt = now().toISOString();
  const info = (): DaemonInfo => ({
    version: VERSION,
    api: 1,
    pid: process.pid,
    mode: "user",
    stateDir: paths.dataDir,
    socket: paths.socket,
    logFile: paths.logFile,
    startedAt,
    vms: vms.count,
    runningVms: vms.running,
  });
  const defaults = async () => resolveSpec({}, await config(), await hostResources());
  const leave = (why: string) => {
    log({ why }, "bangerd leaves");
    idle.stop();
    vms.close();
    void app.close().finally(() => process.exit(0));
    setTimeout(() => process.exit(0), 2_000).unref();
  };
  const idle = new IdleWatch({ idleMs: host.idleMs, isNeeded: () => vms.running > 0 || operations.active > 0, onIdle: () => leave("idle") });
  const app = createApiServer({
    operations,
    onActivity: (change) => idle.activity(change),
    handlers: handlersOf({
      vms,
      images,
      operations,
      info,
      defaults,
      stop: () => setImmediate(() => leave("asked to")),
      doctor: (operation) =>
        runDoctor(
          {
            architecture: process.arch,
            user: { name: host.userName, uid: host.uid },
            runAs: runAs === null ? null : { ...runAs, name: VM_USER },
            searchPath: host.searchPath,
            directories: { data: paths.dataDir, cache: paths.cacheDir, state: paths.stateDir, scratch: "/var/tmp" },
            files: HOST_FILES,
            run,
            probe: (signal) => vmms.report(signal),
            network: () => network.availability(),
            images,
            defaults,
            firecrackerBin: async () => (await config()).firecrackerBin,
          },
          operation.signal,
          operation.progress,
        ),
    }),
  });
  await app.ready();
  await listenOnSocket(app, paths.socket);
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => leave(signal));
}

function userNetwork(host: Host, paths: Paths, runAs: RunAs | null, log: Log): UserNetwork {
  return new UserNetwork({
    dataDir: paths.dataDir,
    recordFile: join(paths.runDir, "network.json"),
    logFile: join(paths.stateDir, "network.log"),
    cidr: defaultCidr,
    runAs,
    searchPath: host.searchPath,
    host: realHostView(),
    report: (fact) => log({ ...fact, ...("error" in fact ? { error: String(fact.error) } : {}) }, "network"),
  });
}

function imageService(host: Host, paths: Paths, runAs: RunAs | null): Images {
  return new Images({
    imagesDir: paths.imagesDir,
    kernelsDir: paths.kernelsDir,
    logDir: join(paths.cacheDir, "logs"),
    recipesDir: join(host.installation, "share/images"),
    npmDir: join(host.installation, "share/npm"),
    agentPath: join(host.installation, "lib/agent"),
    aptDir: "/etc/apt",
    host: { runAs, env: { PATH: host.searchPath, HOME: runAs?.home ?? host.home }, scratchRoot: "/var/tmp" },
    now: () => new Date(),
    monotonicMs: () => performance.now(),
  });
}

function readHost(): Host {
  const { env } = process;
  const home = env["HOME"] || homedir();
  return {
    uid: process.getuid?.() ?? 0,
    userName: env["USER"] || env["LOGNAME"] || String(process.getuid?.() ?? 0),
    home,
    searchPath: [...new Set([...(env["PATH"] ?? "/usr/bin:/bin").split(":"), ...SBIN])].join(":"),
    installation: env["BANGER_INSTALLATION"] ?? join(import.meta.dirname, ".."),
    idleMs: Number(env["BANGER_IDLE_MS"] ?? DEFAULT_IDLE_MS),
  };
}

main().catch((error: unknown) => {
  const body = error instanceof BangerError ? error.toBody() : { code: "internal", message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  console.error(`error: ${body.message}${"hint" in body && body.hint !== undefined ? `\n  try: ${body.hint}` : ""}`);
  process.exit(1);
});
