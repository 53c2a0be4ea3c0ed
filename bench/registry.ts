// Every row, in the order in which a round measures them: first what wants no other VM to run.
import { tenAtOnce, twoAtOnce } from "./rows/at-once.ts";
import coldRun from "./rows/cold-run.ts";
import copyIn from "./rows/copy-in.ts";
import daemonMemory from "./rows/daemon-memory.ts";
import deletion from "./rows/delete.ts";
import exec from "./rows/exec.ts";
import exportRow from "./rows/export.ts";
import list from "./rows/list.ts";
import pull from "./rows/pull.ts";
import sshPrompt from "./rows/ssh-prompt.ts";
import stop from "./rows/stop.ts";
import { firecrackerMemory, vmmMemory } from "./rows/vmm-memory.ts";
import type { Row } from "./row.ts";

export const rows: readonly Row[] = [
  list,
  coldRun,
  stop,
  deletion,
  twoAtOnce,
  tenAtOnce,
  exec,
  sshPrompt,
  copyIn,
  exportRow,
  pull,
  vmmMemory,
  firecrackerMemory,
  daemonMemory,
];
