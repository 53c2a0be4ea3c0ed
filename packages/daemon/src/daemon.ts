// Puts the daemon together: state, network, images, VMMs, VMs, the API. Read top to bottom.
import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { BUILD, VERSION, type DaemonInfo, type DoctorReport, type EffectiveSpec, type Paths } from "@banger/api";
import { run, type RunAs } from "@banger/host";
import { handlersOf } from "./api-server/handlers.ts";
import { createApiServer } from "./api-server/server.ts";
import type { Config } from "./config/contract.ts";
import { effectiveSettings } from "./config/effective.ts";
import { readHostResources } from "./config/host-resources.ts";
import { loadConfig } from "./config/load-config.ts";
import { chooseSpec, resolveSpec } from "./config/resolve-spec.ts";
import { HOST_FILES } from "./doctor/deps.ts";
import { runDoctor } from "./doctor/run-doctor.ts";
import type { FileSync } from "./file-sync/contract.ts";
import { createFileSync } from "./file-sync/service.ts";
import { connectGuest } from "./guest/client.ts";
import { generateSshKey } from "./guest/openssh-key.ts";
import { IdleWatch } from "./idle.ts";
import { Images } from "./images/service.ts";
import { listenOnSocket } from "./listen.ts";
import type { Log } from "./log.ts";
import { allocateAddress, defaultCidr } from "./network/addresses.ts";
import { ForwardSet } from "./network/forwards.ts";
import { realHostView } from "./network/host-view.ts";
import { findPastaVersion } from "./network/pasta-version.ts";
import { PublishedPorts } from "./network/published-ports.ts";
import { UserNetwork } from "./network/user.ts";
import { OperationRegistry, type Operation } from "./operations/registry.ts";
import { checkPassage } from "./passage.ts";
import { openState } from "./state/database.ts";
import { Journal } from "./state/journal.ts";
import type { Reserve } from "./state/reserve.ts";
import { VmRecords } from "./state/vm-records.ts";
import { findVmUser, VM_USER, type VmUser } from "./vm-user.ts";
import { hostVmms } from "./vmm/host-vmms.ts";
import type { VmmSelection } from "./vmm/selection.ts";
import { deadlinesOf } from "./vms/deadlines.ts";
import { requireRoom } from "./vms/room.ts";
import { VmService } from "./vms/service.ts";
import { steps } from "./vms/steps.ts";
import { WorkspaceFiles } from "./workspaces/service.ts";

/** What the daemon knows of the process and machine it runs in. */
export interface Surroundings {
  readonly uid: number;
  readonly userName: string;
  readonly home: string;
  readonly searchPath: string;
  /** Where this banger is installed: lib/agent, share/images, share/npm. */
  readonly installation: string;
  readonly idleMs: number;
  readonly paths: Paths;
  /** What is set aside for a full disk. */
  readonly reserve: Reserve;
  readonly log: Log;
  readonly now: () => Date;
  /** Ends the process. */
  readonly exit: () => void;
}

/** Recovers what a former daemon left, then listens. Answers how to leave; VMs run on. */
export async function startDaemon(around: Surroundings): Promise<{ readonly leave: (why: string) => void }> {
  const parts = await partsOf(around);
  const { operations, images, vms } = parts;
  await operations.run({ kind: "reconcile", target: null, signal: new AbortController().signal }, async (operation) => {
    await images.reconcile((digest) => vms.usersOf(digest));
    await vms.reconcile(operation);
  });

  const leave = (why: string) => {
    around.log({ why }, "bangerd leaves");
    idle.stop();
    vms.close();
    void app.close().finally(around.exit);
    setTimeout(around.exit, 2_000).unref();
  };
  const idle = new IdleWatch({
    idleMs: around.idleMs,
    isNeeded: () => vms.running > 0 || operations.active > 0,
    onIdle: () => leave("idle"),
  });
  const app = createApiServer({
    operations,
    onActivity: (change) => idle.activity(change),
    handlers: handlersOf({
      ...parts,
      info: infoOf(around, vms),
      settings: async () =>
        effectiveSettings({ file: around.paths.configFile, config: await parts.config(), spec: await parts.defaults() }),
      stop: () => setImmediate(() => leave("asked to")),
      doctor: (operation) => examine(around, parts, operation),
      hostCpus: availableParallelism,
      checkVmUser: () => checkVmUser(around, parts),
    }),
  });
  await app.ready();
  await listenOnSocket(app, around.paths.socket);
  void around.reserve.refill();
  return { leave };
}

interface Parts {
  readonly vmUser: VmUser;
  readonly config: () => Promise<Config>;
  readonly fileSync: FileSync;
  readonly defaults: () => Promise<EffectiveSpec>;
  readonly operations: OperationRegistry;
  readonly network: UserNetwork;
  readonly images: Images;
  readonly vmms: VmmSelection;
  readonly vms: VmService;
}

async function partsOf(around: Surroundings): Promise<Parts> {
  const { paths, searchPath, reserve, log, now } = around;
  const vmUser = await findVmUser({ uid: around.uid, home: paths.cacheDir });
  const { runAs } = vmUser;
  const config = () => loadConfig({ file: paths.configFile, home: around.home });
  const fileSync = createFileSync({ config, home: around.home });
  const hostResources = () => readHostResources(paths.vmsDir);
  // Told as they are: that this host cannot give one is the doctor's to say, and a new VM's.
  const defaults = async () => chooseSpec({}, await config(), await hostResources());
  const operations = new OperationRegistry({ newId: () => randomHex(4), now, dataDir: paths.dataDir, log });
  const network = userNetwork(around, runAs);
  const images = imageService(around, runAs);
  const vmms = hostVmms({
    ...{ searchPath, runAs, config, images, cacheDir: paths.cacheDir, scratchDir: paths.vmsDir, log },
    agentPath: agentOf(around),
    vmUserName: runAs === null ? around.userName : VM_USER,
  });
  const database = openState(paths.dataDir, reserve);
  const records = new VmRecords(database, reserve);
  const forwards = new ForwardSet({
    dial: (vmId, address) => vms.guests.dialById(vmId, address),
    describe: (vmId) => records.get(vmId),
    reportFailure: (vmId, mapping, error) => log({ vm: vmId, mapping, error: String(error) }, "a published port's connection failed"),
  });
  const vms: VmService = new VmService(
    {
      ...{ records, journal: new Journal(database, reserve) },
      drivers: vmms.drivers,
      chooseDriver: (wanted, operation) => vmms.choose(wanted, operation.signal, (test) => operation.stage("kvm test", test)),
      ...{ network, ports: new PublishedPorts(forwards), nextAddress: (used) => allocateAddress(network.subnet, used) },
      ...{ images, connectGuest, newHostKey: (name) => generateSshKey(`banger host key of ${name}`), vmsDir: paths.vmsDir, runAs },
      workspaces: new WorkspaceFiles({ vmsDir: paths.vmsDir, keptDir: paths.keptDir, now, log }),
      ...{ fileSync, deadlinesOf, steps, requireRoom: () => requireRoom(paths.vmsDir) },
      ...{ config, hostResources, resolveSpec, now, randomHex, log, monotonicMs: () => performance.now() },
    },
    (kind, target, work) => operations.run({ kind, target, signal: new AbortController().signal }, work),
  );
  return { vmUser, config, fileSync, defaults, operations, network, images, vmms, vms };
}

function userNetwork({ paths, searchPath, log }: Surroundings, runAs: RunAs | null): UserNetwork {
  return new UserNetwork({
    dataDir: paths.dataDir,
    recordFile: join(paths.runDir, "network.json"),
    logFile: join(paths.stateDir, "network.log"),
    cidr: defaultCidr,
    runAs,
    searchPath,
    host: realHostView(),
    report: (fact) => log({ ...fact, ...("error" in fact ? { error: String(fact.error) } : {}) }, "network"),
  });
}

function agentOf({ installation }: Pick<Surroundings, "installation">): string {
  return join(installation, "lib/agent");
}

function imageService({ paths, searchPath, installation, home, now, log }: Surroundings, runAs: RunAs | null): Images {
  return new Images({
    imagesDir: paths.imagesDir,
    kernelsDir: paths.kernelsDir,
    logDir: join(paths.cacheDir, "logs"),
    recipesDir: join(installation, "share/images"),
    npmDir: join(installation, "share/npm"),
    agentPath: agentOf({ installation }),
    aptDir: "/etc/apt",
    host: { runAs, env: { PATH: searchPath, HOME: runAs?.home ?? home }, scratchRoot: "/var/tmp" },
    ...{ now, log, monotonicMs: () => performance.now() },
  });
}

function infoOf({ paths, now }: Surroundings, vms: VmService): () => DaemonInfo {
  const startedAt = now().toISOString();
  return () => ({
    ...{ version: VERSION, build: BUILD, api: 1, pid: process.pid, mode: "user", startedAt },
    ...{ stateDir: paths.dataDir, socket: paths.socket, logFile: paths.logFile },
    ...{ vms: vms.count, runningVms: vms.running },
  });
}

function examine({ uid, userName, searchPath, paths }: Surroundings, parts: Parts, { signal, progress }: Operation): Promise<DoctorReport> {
  const { vmUser, images, network, vmms, config, fileSync } = parts;
  const deps = {
    ...{ architecture: process.arch, user: { name: userName, uid }, vmUser: () => vmUser.required() },
    ...{ searchPath, files: HOST_FILES, run, images, config, fileSync },
    defaults: async () => resolveSpec({}, await config(), await readHostResources(paths.vmsDir)),
    defaultImage: async () => (await config()).defaultImageName,
    directories: { data: paths.dataDir, cache: paths.cacheDir, state: paths.stateDir, vms: paths.vmsDir, scratch: "/var/tmp" },
    probe: async (probing: AbortSignal) => {
      await vmUser.required();
      return vmms.report(probing);
    },
    network: async () => {
      await vmUser.required();
      return network.availability("thorough");
    },
    pastaVersion: () => findPastaVersion(searchPath),
    firecrackerBin: async () => (await config()).firecrackerBin,
  };
  return runDoctor(deps, signal, progress);
}

/** Throws `host.no_vm_user`, `state.not_writable`. */
async function checkVmUser({ paths }: Surroundings, { vmUser }: Parts): Promise<void> {
  const user = await vmUser.required();
  if (user !== null) await checkPassage(user, paths.vmsDir, run);
}

function randomHex(bytes: number): string {
  return randomBytes(bytes).toString("hex");
}
