// Every scenario, in the order they run.
import badInput from "./scenarios/bad-input.ts";
import bareRun from "./scenarios/bare-run.ts";
import daemonKilled from "./scenarios/daemon-killed.ts";
import docker from "./scenarios/docker.ts";
import exitStatus from "./scenarios/exit-status.ts";
import guestPower from "./scenarios/guest-power.ts";
import lifecycle from "./scenarios/lifecycle.ts";
import publish from "./scenarios/publish.ts";
import standardStreams from "./scenarios/standard-streams.ts";
import vmmKilled from "./scenarios/vmm-killed.ts";
import type { Scenario } from "./scenario.ts";

export const scenarios: readonly Scenario[] = [
  bareRun,
  exitStatus,
  standardStreams,
  lifecycle,
  badInput,
  publish,
  docker,
  guestPower,
  vmmKilled,
  daemonKilled,
];
