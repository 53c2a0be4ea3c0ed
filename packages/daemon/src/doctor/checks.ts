// All checks, in the order they are reported: from what nothing works without to what one VM needs.
import { accelerator } from "./checks/accelerator.ts";
import { architecture } from "./checks/architecture.ts";
import { config } from "./checks/config.ts";
import { diskSpace } from "./checks/disk-space.ts";
import { fileSync } from "./checks/file-sync.ts";
import { firecracker } from "./checks/firecracker.ts";
import { image } from "./checks/image.ts";
import { network } from "./checks/network.ts";
import { pasta } from "./checks/pasta.ts";
import { programs } from "./checks/programs.ts";
import { stateDirectory } from "./checks/state-directory.ts";
import { subuids } from "./checks/subuids.ts";
import { tun } from "./checks/tun.ts";
import { userNamespaces } from "./checks/user-namespaces.ts";
import { vmDefaults } from "./checks/vm-defaults.ts";
import { vmUser } from "./checks/vm-user.ts";
import type { Check } from "./contract.ts";
import type { DoctorDeps } from "./deps.ts";

export const CHECKS: readonly Check<DoctorDeps>[] = [
  architecture,
  config,
  programs,
  vmUser,
  accelerator,
  firecracker,
  userNamespaces,
  tun,
  network,
  pasta,
  subuids,
  stateDirectory,
  diskSpace,
  vmDefaults,
  fileSync,
  image,
];
