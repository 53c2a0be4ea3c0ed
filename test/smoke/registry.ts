// Every scenario, in the order they run.
import badInput from "./scenarios/bad-input.ts";
import badNames from "./scenarios/bad-names.ts";
import bareRun from "./scenarios/bare-run.ts";
import bootLoop from "./scenarios/boot-loop.ts";
import concurrentRuns from "./scenarios/concurrent-runs.ts";
import copyFiles from "./scenarios/copy-files.ts";
import daemonKilled from "./scenarios/daemon-killed.ts";
import detach from "./scenarios/detach.ts";
import docker from "./scenarios/docker.ts";
import driverFirecracker from "./scenarios/driver-firecracker.ts";
import driverQemu from "./scenarios/driver-qemu.ts";
import exitStatus from "./scenarios/exit-status.ts";
import failedBoot from "./scenarios/failed-boot.ts";
import fullDisk from "./scenarios/full-disk.ts";
import fileSync from "./scenarios/file-sync.ts";
import guestHalts from "./scenarios/guest-halts.ts";
import guestPower from "./scenarios/guest-power.ts";
import hostKeys from "./scenarios/host-keys.ts";
import interrupted from "./scenarios/interrupted.ts";
import isolation from "./scenarios/isolation.ts";
import kill from "./scenarios/kill.ts";
import leavesNothing from "./scenarios/leaves-nothing.ts";
import lifecycle from "./scenarios/lifecycle.ts";
import nat from "./scenarios/nat.ts";
import outbound from "./scenarios/outbound.ts";
import publish from "./scenarios/publish.ts";
import selfPatching from "./scenarios/self-patching.ts";
import sshd from "./scenarios/sshd.ts";
import standardStreams from "./scenarios/standard-streams.ts";
import stopAfterCrash from "./scenarios/stop-after-crash.ts";
import tooling from "./scenarios/tooling.ts";
import vmmKilled from "./scenarios/vmm-killed.ts";
import workspaceExport from "./scenarios/workspace-export.ts";
import workspaceHistory from "./scenarios/workspace-history.ts";
import workspaceHostile from "./scenarios/workspace-hostile.ts";
import workspaceKeeps from "./scenarios/workspace-keeps.ts";
import workspacePrepare from "./scenarios/workspace-prepare.ts";
import workspacePull from "./scenarios/workspace-pull.ts";
import workspaceRun from "./scenarios/workspace-run.ts";
import type { Scenario } from "./scenario.ts";

export const scenarios: readonly Scenario[] = [
  bareRun,
  exitStatus,
  standardStreams,
  lifecycle,
  guestPower,
  kill,
  failedBoot,
  interrupted,
  publish,
  workspaceRun,
  workspaceExport,
  workspaceKeeps,
  workspacePrepare,
  workspacePull,
  workspaceHistory,
  workspaceHostile,
  copyFiles,
  tooling,
  outbound,
  nat,
  isolation,
  sshd,
  docker,
  selfPatching,
  driverQemu,
  driverFirecracker,
  guestHalts,
  vmmKilled,
  fullDisk,
  bootLoop,
  concurrentRuns,
  badInput,
  badNames,
  hostKeys,
  leavesNothing,
  detach,
  daemonKilled,
  stopAfterCrash,
  fileSync,
];
