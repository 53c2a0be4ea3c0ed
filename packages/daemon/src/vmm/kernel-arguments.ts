// The kernel command line that all drivers share. Measured: each of these shortens the boot or is needed for it to end well.
import type { AcceleratorName } from "@banger/api";

const COMMON = [
  "console=ttyS0",
  // Quiet, for systemd as well, but for the kernel's warnings and what is worse: of a guest that hangs they are all there is.
  ...["quiet", "loglevel=5"],
  // A guest that cannot go on resets at once, and a reset ends the VMM: drivers never reset in place.
  ...["panic=1", "reboot=k"],
  "random.trust_cpu=on",
  "cryptomgr.notests",
  "8250.nr_uarts=1",
  // No keyboard or mouse to look for; the controller itself stays, `reboot=k` resets through it.
  ...["i8042.noaux", "i8042.nokbd", "i8042.nomux", "i8042.nopnp"],
  "net.ifnames=0",
  // Docker fails where AppArmor is active and its user space is not there.
  "apparmor=0",
] as const;

/**
 * Under emulation the counter is the host's and never drifts between vCPUs (the watchdog would only find that the host is slow),
 * the timer check fails on a busy host, and CPU mitigations cost time without anything to protect: translated code has no
 * speculation of its own. With KVM the guest's kernel keeps the mitigations its CPU needs: a VM may hold untrusted code next
 * to the user's keys.
 *
 * QEMU translates a program anew wherever it finds it at other addresses: with addresses at random every start of a program is
 * a translation of its libraries, twice the time of one that finds them where they were. `sysctl kernel.randomize_va_space=2`
 * in the guest brings that back. A fifth level of page tables is one more load for each page that is looked up, and no guest has
 * memory enough to need it. A kernel that finds one CPU takes the lock prefixes out of its code, and QEMU translates all of that
 * code again; to a CPU that is alone, or takes turns on one thread, they cost nothing.
 */
const EMULATED = ["tsc=reliable", "no_timer_check", "mitigations=off", "norandmaps", "no5lvl", "noreplace-smp"] as const;

export interface KernelArgumentsRequest {
  readonly accelerator: AcceleratorName;
  readonly channel: "serial" | "vsock";
  /**
   * Frequency of the host's time stamp counter, which is an emulated guest's too. A kernel that must find it out on a busy host
   * can be wrong by a factor: its clock then races or crawls, and with it every timer of the guest.
   */
  readonly tscKhz?: number | undefined;
  readonly extra: readonly string[];
}

export function kernelArguments({ accelerator, channel, tscKhz, extra }: KernelArgumentsRequest): string {
  const clock = tscKhz === undefined ? [] : [`tsc_early_khz=${tscKhz}`];
  const emulated = accelerator === "tcg" ? [...EMULATED, ...clock] : [];
  return [...COMMON, ...emulated, `banger.channel=${channel}`, ...extra].join(" ");
}
