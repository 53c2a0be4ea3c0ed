// Whether a new VM gets the tools that its repository names, and when. Pure.
import type { Vm } from "@banger/api";
import { switchFlag } from "../command.ts";
import { usageError } from "../context.ts";

export interface ToolingFlags {
  readonly bootstrap?: boolean;
  readonly noBootstrap?: boolean;
}

export const toolingFlags = {
  bootstrap: switchFlag("Install the tools the repository names before the command runs"),
  noBootstrap: switchFlag("Install no tools"),
} as const;

/** Where mise looks, at the top of a repository. */
const TOOL_FILES: ReadonlySet<string> = new Set([
  ...["mise.toml", ".mise.toml", "mise.local.toml", ".mise.local.toml", "mise/config.toml", ".mise/config.toml"],
  ...[".config/mise.toml", ".config/mise/config.toml", ".tool-versions"],
]);

/** Those of the names that tell mise what to install. */
export function toolFilesAmong(names: readonly string[]): readonly string[] {
  return names.filter((name) => TOOL_FILES.has(name));
}

/** Throws `cli.usage`. */
export function checkToolingFlags(flags: ToolingFlags & { readonly noNetwork?: boolean }, path: string | undefined): void {
  if (flags.bootstrap === true && flags.noBootstrap === true) throw usageError("--bootstrap and --no-bootstrap exclude each other");
  if (flags.bootstrap === true && path === undefined)
    throw usageError("--bootstrap needs a PATH: the repository that names the tools", "banger vm run ./repo --bootstrap -- COMMAND");
  if (flags.bootstrap === true && flags.noNetwork === true)
    throw usageError("--bootstrap and --no-network exclude each other: tools come from the network", "leave one of them out");
}

export type ToolingChoice = "none" | "background" | "foreground";

export interface ToolingQuestion {
  readonly flags: ToolingFlags;
  readonly toolFiles: readonly string[];
  /** What the VM is for. */
  readonly session: "shell" | "command" | "detached";
}

/** A prompt waits for nothing; a command runs at once unless the tools are asked for; detached, whoever comes next finds them. */
export function chooseTooling({ flags, toolFiles, session }: ToolingQuestion): ToolingChoice {
  if (toolFiles.length === 0 || flags.noBootstrap === true) return "none";
  if (session === "command") return flags.bootstrap === true ? "foreground" : "none";
  return session === "shell" ? "background" : "foreground";
}

/** Why tools cannot come; undefined when they may. */
export function whyNoTools(vm: Pick<Vm, "egress" | "noNetwork">): string | undefined {
  if (vm.egress === "none") return "it has no network";
  return vm.noNetwork === null ? undefined : `it has no network: ${vm.noNetwork.reason}`;
}
