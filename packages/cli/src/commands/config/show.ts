import { formatSize, MIB, routes, type EffectiveSettings } from "@banger/api";
import { command, jsonFlag } from "../../command.ts";
import { usageError, type CliContext } from "../../context.ts";
import { keyValues } from "../../output/table.ts";

const SECTION = "vm_defaults";

export const show = command({
  brief: "Show the settings in force",
  description: `Shows each setting of config.toml with its value and where that comes from: config, the host, or the default. With
${SECTION} those of a new VM alone.`,
  usage: ["[--json]", `${SECTION} [--json]`],
  examples: [
    ["banger config show", "which file is read, and what holds"],
    [`banger config show ${SECTION}`, "what a VM gets for which nothing is asked"],
  ],
  parameters: {
    flags: { json: jsonFlag },
    positional: {
      kind: "tuple",
      parameters: [{ parse: parseSection, brief: `${SECTION}: those of a new VM alone`, placeholder: "SECTION", optional: true }],
    },
  },
  async run({ read, output }: CliContext, _flags: { readonly json?: boolean }, section?: typeof SECTION) {
    const settings = await read(routes.settings, {});
    if (output.isJson) return output.json(section === undefined ? settings : settings.vmDefaults);
    await output.result(keyValues(section === undefined ? allRows(settings) : vmRows(settings)));
  },
});

function parseSection(text: string): typeof SECTION {
  if (text === SECTION) return SECTION;
  throw usageError(`${JSON.stringify(text)} is no section of the settings`, `banger config show ${SECTION}`);
}

type Row = readonly [key: string, value: string];

function allRows(settings: EffectiveSettings): readonly Row[] {
  const { file, defaultImageName, sshKeyPath, firecrackerBin, fileSync } = settings;
  return [
    ["file", file],
    ["default_image_name", told(defaultImageName)],
    ["ssh_key_path", told(sshKeyPath, "a key of banger's own")],
    ["firecracker_bin", told(firecrackerBin, "looked up on PATH")],
    ...vmRows(settings).map(([key, value]): Row => [`${SECTION}.${key}`, value]),
    ...fileSync.map(({ host, guest }): Row => ["file_sync", `${host} → ~/${guest}`]),
  ];
}

function vmRows({ vmDefaults: { vcpu, memoryMib, diskBytes } }: EffectiveSettings): readonly Row[] {
  return [
    ["vcpu", told(vcpu)],
    ["memory", told({ ...memoryMib, value: formatSize(memoryMib.value * MIB) })],
    ["disk_size", told({ ...diskBytes, value: formatSize(diskBytes.value) })],
  ];
}

function told({ value, source }: { readonly value: string | number | null; readonly source: string }, unnamed = ""): string {
  return `${value ?? unnamed} (${source})`;
}
