import { join } from "node:path";
import { alternating } from "../alternating.ts";
import { timed } from "../measure.ts";
import type { Row } from "../row.ts";

export default {
  name: "exec",
  what: "banger vm exec VM -- true",
  over: "ssh with a live control connection to the same guest",
  unit: "ms",
  target: { kind: "ratio", limit: 1 },
  async measure(stand) {
    const vm = await stand.warm();
    const control = ["-S", join(stand.scratch, "control")];
    await timed([...vm.ssh(...control, "-o", "ControlMaster=auto", "-o", "ControlPersist=60"), "true"], stand);
    const command = [stand.banger.program, "vm", "exec", vm.name, "--", "true"];
    try {
      // As for ssh above, the first time is the guest's: it reads the shell's files, and an emulator translates them.
      await timed(command, stand);
      return await alternating(6, {
        value: () => timed(command, stand),
        floor: () => timed([...vm.ssh(...control), "true"], stand),
      });
    } finally {
      await timed(vm.ssh(...control, "-O", "exit"), stand);
    }
  },
} satisfies Row;
