// Which repositories are in a VM, as lists of VMs show it.
import { basename } from "node:path";
import { nameOfText, shownName, type Vm } from "@banger/api";

type Workspaces = Vm["workspaces"];

/** `api→/root/repo`. */
export function formatWorkspaces(workspaces: Workspaces): string {
  if (workspaces.length === 0) return "-";
  return workspaces.map(({ source, guestPath }) => `${shownPath(basename(source))}→${shownPath(guestPath)}`).join(" ");
}

/** `/home/dev/api → /root/repo`. */
export function describeWorkspaces(workspaces: Workspaces): string {
  return workspaces.map(({ source, guestPath }) => `${shownPath(source)} → ${shownPath(guestPath)}`).join(", ");
}

/** A path for people. */
export function shownPath(path: string): string {
  return shownName(nameOfText(path));
}
