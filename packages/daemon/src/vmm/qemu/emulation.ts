// How QEMU emulates the guest's processors.

/** The last major version whose emulator was seen to move by the byte what ERMS promises to move fast. */
const SLOW_ERMS = 7;

export interface EmulatedProcessors {
  readonly vcpu: number;
  /** QEMU's: "7.2.22". */
  readonly version: string;
}

/**
 * Several CPUs take turns on one thread. With a thread each (`thread=multi`), one may translate code while another patches it, and
 * keep a translation of what was there for an instant only. A Linux guest patches itself all the time (jump labels: a breakpoint
 * is put there, then the new instruction): a CPU that kept the breakpoint runs into it for ever, and all who wait for it stop as
 * well. Of boots with two CPUs on a busy host about one in a hundred ended so with QEMU 7.2. What 8.1 does against it
 * (https://lore.kernel.org/qemu-devel/20230706170537.95959-1-richard.henderson@linaro.org) makes it rarer: 10.0.2 still hangs.
 *
 * `tb-size` bounds what QEMU keeps of translated code, in MiB; by itself it goes up to 1024. With 128 a build in the guest took half
 * as long again, with more than 256 nothing was faster.
 */
export function emulation({ vcpu, version }: EmulatedProcessors): readonly string[] {
  return ["-accel", `tcg,thread=${vcpu > 1 ? "single" : "multi"},tb-size=256`, "-cpu", model(version)];
}

/**
 * ERMS promises that moving and filling memory by the byte is fast. Emulated by QEMU 7 it is eight times slower than by the word,
 * which is what kernel and C library do without that promise. On QEMU 10 a kernel without it does not boot.
 */
function model(version: string): string {
  return Number.parseInt(version, 10) <= SLOW_ERMS ? "max,erms=off" : "max";
}
