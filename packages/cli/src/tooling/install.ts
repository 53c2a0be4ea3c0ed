// Installs the tools of a workspace in its VM, best effort: a tool that cannot be had is told, and keeps nobody out.
import { basename } from "node:path";
import { BangerError, type Client, type Vm } from "@banger/api";
import type { CliContext } from "../context.ts";
import { runInGuest } from "../exec/session.ts";
import { chooseTooling, whyNoTools, type ToolingChoice, type ToolingFlags, type ToolingQuestion } from "./choice.ts";
import { IN_BACKGROUND, IN_FOREGROUND, INSTALL, NO_LOG, SHOW } from "./scripts.ts";

export interface ToolingRequest {
  readonly flags: ToolingFlags;
  readonly session: ToolingQuestion["session"];
  /** Undefined without a workspace. */
  readonly workspace: ToolingWorkspace | undefined;
}

export interface ToolingWorkspace {
  /** Files of the repository that name tools. */
  readonly toolFiles: readonly string[];
  /** Top of the repository on the host. */
  readonly top: string;
  readonly guestPath: string;
}

export interface Tooling {
  /** Whether a VM without a network is of no use. */
  readonly needsNetwork: boolean;
  readonly isInBackground: boolean;
  /**
   * Waits for the tools; in the background, until their installation has begun. Answers what to say of it, which is for the caller
   * to say where nothing else is being drawn.
   */
  install(client: Client, vm: Vm): Promise<string | undefined>;
}

export function planTooling(context: CliContext, { flags, session, workspace }: ToolingRequest): Tooling {
  const toolFiles = workspace?.toolFiles ?? [];
  const choice = chooseTooling({ flags, toolFiles, session });
  if (flags.bootstrap === true && toolFiles.length === 0)
    context.output.note("! no mise.toml or .tool-versions there: no tools to install");
  return {
    needsNetwork: flags.bootstrap === true && choice !== "none",
    isInBackground: choice === "background",
    install: async (client, vm) =>
      workspace === undefined || choice === "none" ? undefined : install({ context, client, vm, choice, ...workspace }),
  };
}

interface Installation extends ToolingWorkspace {
  readonly context: CliContext;
  readonly client: Client;
  readonly vm: Vm;
  readonly choice: ToolingChoice;
}

async function install(installation: Installation): Promise<string | undefined> {
  const { context, vm, choice, toolFiles } = installation;
  const files = toolFiles.join(", ");
  const why = whyNoTools(vm);
  if (why !== undefined) return `! ${vm.name} gets no tools of ${files}: ${why}`;
  const isInBackground = choice === "background";
  if (!isInBackground) context.output.note(`installing the tools of ${files}`);
  const isDone = await runScript(installation, isInBackground ? IN_BACKGROUND : IN_FOREGROUND);
  const look = `banger vm logs ${vm.name} --tooling`;
  if (!isDone) return `! not all tools of ${files} are there.  look: ${look}`;
  return isInBackground ? `the tools of ${files} are being installed.  look: ${look}` : undefined;
}

async function runScript({ context, client, vm, top, guestPath, choice }: Installation, script: string): Promise<boolean> {
  const name = basename(top).replaceAll(/[^A-Za-z0-9._-]/g, "_");
  const log = `/root/.cache/banger/vm-run-tooling-${name}.log`;
  const quiet = choice === "foreground" && context.output.isQuiet ? ["sh", "-c", '"$@" 2> /dev/null', "sh"] : [];
  const argv = [...quiet, "sh", "-c", script, "sh", guestPath, log, INSTALL, `banger-tooling-${name}`];
  try {
    return (await runInGuest({ context, client, vmName: vm.name, command: { argv, tty: false, stdin: false, cwd: "/root" } })) === 0;
  } catch (error) {
    if (!(error instanceof BangerError)) throw error;
    context.output.note(`! ${error.message}`);
    return false;
  }
}

export interface ToolingLog {
  readonly client: Client;
  readonly vmName: string;
  readonly isFollowing: boolean;
}

/** Shows what installing the tools wrote. Throws `guest.path_not_found` when none were. */
export async function showToolingLog(context: CliContext, { client, vmName, isFollowing }: ToolingLog): Promise<number> {
  const argv = ["sh", "-c", SHOW, "sh", isFollowing ? "follow" : ""];
  const status = await runInGuest({ context, client, vmName, command: { argv, tty: false, stdin: false, cwd: "/root", wait: "agent" } });
  if (status !== NO_LOG) return status;
  throw new BangerError("guest.path_not_found", `no tools were installed in ${vmName}`, {
    hint: "banger vm run PATH installs those that the repository's mise.toml names",
  });
}
