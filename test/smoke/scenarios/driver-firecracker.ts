import { driverContract } from "../driver-contract.ts";
import type { Scenario } from "../scenario.ts";

export default {
  name: "driver-firecracker",
  description: "Firecracker: commands, ssh, a guest's reboot, panic and poweroff, kill, logs; deleted, nothing is left",
  class: "pure",
  needs: ["firecracker"],
  run: (context) => driverContract("firecracker", context),
} satisfies Scenario;
