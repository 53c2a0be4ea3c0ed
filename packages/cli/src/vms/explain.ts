// `--explain`: what a VM would be made of, and from where each value comes; nothing is made.
import { MIB, routes, type EffectiveSpec } from "@banger/api";
import type { CliContext } from "../context.ts";
import { specLine } from "../output/spec-line.ts";
import type { SpecFlags } from "./spec-flags.ts";

export async function explainSpec(context: CliContext, flags: SpecFlags): Promise<void> {
  const client = await context.connect();
  const spec = overrideSpec(await client.call(routes.defaults, {}), flags);
  if (context.output.isJson) await context.output.json(spec);
  else await context.output.result(specLine({ spec, ...(flags.driver === undefined ? {} : { driver: flags.driver }) }));
}

/** The defaults with what the flags say. */
export function overrideSpec(defaults: EffectiveSpec, flags: SpecFlags): EffectiveSpec {
  const flag = <T>(value: T) => ({ value, source: "flag" as const });
  return {
    vcpu: flags.vcpu === undefined ? defaults.vcpu : flag(flags.vcpu),
    memoryMib: flags.memory === undefined ? defaults.memoryMib : flag(Math.max(1, Math.round(flags.memory / MIB))),
    diskBytes: flags.diskSize === undefined ? defaults.diskBytes : flag(flags.diskSize),
    image: flags.image === undefined ? defaults.image : flag(flags.image),
  };
}
