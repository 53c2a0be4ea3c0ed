import { driverContract } from "../driver-contract.ts";
import type { Scenario } from "../scenario.ts";

export default {
  name: "driver-qemu",
  description: "QEMU: commands, ssh, a guest's reboot, panic and poweroff, kill, logs; deleted, nothing is left",
  class: "pure",
  needs: [],
  run: (context) => driverContract("qemu", context),
} satisfies Scenario;
