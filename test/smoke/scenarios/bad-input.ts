import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";
import { listVms } from "../seen-vm.ts";

interface Refusal {
  readonly flags: readonly string[];
  /** 2: the command line is wrong; 125: banger could not do it. */
  readonly status: 2 | 125;
  readonly error: RegExp;
  readonly hint: RegExp;
}

const usage = (error: RegExp, hint: RegExp, ...flags: readonly string[]): Refusal => ({ flags, status: 2, error, hint });
const failed = (error: RegExp, hint: RegExp, ...flags: readonly string[]): Refusal => ({ flags, status: 125, error, hint });
const size = /^write a number with a unit, as 512MiB, 4G or 16GiB/;
const cpus = /^write a number from 1 to 64, as --vcpu 4$/;
const port = /^write \[ADDR:\]HOST:GUEST, as 8080:80 or 0\.0\.0\.0:8080:80$/;
const help = /^banger vm run --help$/;

const REFUSED: readonly Refusal[] = [
  usage(/^--vcpu: "0" is not a number of CPUs$/, cpus, "--vcpu", "0"),
  usage(/^--vcpu: "-1" is not a number of CPUs$/, cpus, "--vcpu", "-1"),
  usage(/^--vcpu: "1\.5" is not a number of CPUs$/, cpus, "--vcpu", "1.5"),
  usage(/^--memory: "0" is not a memory size$/, size, "--memory", "0"),
  usage(/^--memory: "lots" is not a memory size$/, size, "--memory", "lots"),
  usage(/^--memory: "1M" is less than 64 MiB$/, size, "--memory", "1M"),
  failed(/^100 TiB of memory is more than this host has \(/, /^--memory \d+\S*/, "--memory", "100T"),
  usage(/^--disk-size: "900000T" is not a disk size$/, size, "--disk-size", "900000T"),
  failed(/^there is no image "no-such-image"$/, /^known images: \S/, "--image", "no-such-image"),
  usage(/^--publish: "99999:80" is not a port to publish$/, port, "--publish", "99999:80"),
  usage(/^--publish: "127\.0\.0\.1:1:2:3" is not a port to publish$/, port, "--publish", "127.0.0.1:1:2:3"),
  usage(/^--wait cannot be "never": it is one of agent, basic, system, ssh$/, help, "--wait", "never"),
  usage(/^--driver cannot be "vbox": it is one of qemu, firecracker$/, help, "--driver", "vbox"),
  usage(/^--tty and --no-tty exclude each other$/, help, "--tty", "--no-tty"),
  usage(/^--from needs --branch$/, /^banger vm run PATH --branch NEW --from REF$/, "--from", "main"),
  usage(/^--include-untracked needs a PATH: the repository to copy$/, /^banger vm run \.\/repo$/, "--include-untracked"),
  usage(/^no flag --no-such-flag$/, help, "--no-such-flag"),
];

export default {
  name: "bad-input",
  description: "Bad sizes, images, ports, flags: one clear error with a hint each, and no row",
  class: "global",
  needs: [],
  async run(context) {
    const { banger, name } = context;
    const rows = async () => (await listVms(context)).map(({ id }) => id);
    const before = await rows();
    for (const { flags, status, error, hint } of REFUSED) {
      const refused = await banger(["vm", "run", "--name", name(), ...flags, "--", "true"]);
      const shown = flags.join(" ");
      assert.deepEqual([refused.status, refused.stdout], [status, ""], shown);
      // What comes before an error of the daemon's is the spec; what comes after its hint is the operation.
      const told = /^error: (.*)\n {2}try: (.*?)(?: +\[op \w+\])?$/m.exec(refused.stderr);
      assert.match(told?.[1] ?? "", error, refused.stderr);
      assert.match(told?.[2] ?? "", hint, refused.stderr);
      assert.deepEqual(await rows(), before, `${shown} leaves no row`);
    }
  },
} satisfies Scenario;
