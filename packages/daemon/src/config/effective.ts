// The settings as they are in force, each with where it comes from.
import type { EffectiveSettings, EffectiveSpec } from "@banger/api";
import type { Config } from "./contract.ts";

export interface InForce {
  readonly file: string;
  readonly config: Config;
  /** Of a new VM for which nothing is asked. */
  readonly spec: EffectiveSpec;
}

export function effectiveSettings({ file, config, spec }: InForce): EffectiveSettings {
  const { vcpu, memoryMib, diskBytes, image } = spec;
  return {
    file,
    defaultImageName: image,
    sshKeyPath: named(config.sshKeyPath),
    firecrackerBin: named(config.firecrackerBin),
    vmDefaults: { vcpu, memoryMib, diskBytes },
    fileSync: config.fileSync.map((each) => ({ ...each })),
  };
}

function named(value: string | null): EffectiveSettings["sshKeyPath"] {
  return { value, source: value === null ? "default" : "config" };
}
