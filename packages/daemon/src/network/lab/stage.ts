// What the tests of the network share: a scenario on a fresh lab, and the questions they ask of it.
import assert from "node:assert/strict";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { macOfAddress, type VmNetwork } from "../contract.ts";
import { Lab, labObstacle, servicePort } from "./lab.ts";
import type { LabDaemon } from "./lab-daemon.ts";

export const obstacle = await labObstacle();
export const deadline = { timeoutMs: 15_000, intervalMs: 50 };

export function vm(vmId: string, host: number, egress: "full" | "none" = "full"): VmNetwork {
  const address = `172.16.0.${host}`;
  return { vmId, address, mac: macOfAddress(address), egress };
}
export const alpha = vm("alpha", 2);
export const beta = vm("beta", 3);

export interface Stage {
  readonly lab: Lab;
  readonly daemon: LabDaemon;
}

/** A test on a lab of its own with a daemon that is ready to attach; skipped with the reason where there can be no lab. */
export function scenario(name: string, body: (stage: Stage) => Promise<void>, lacking: string | false = false): void {
  const skip = obstacle === false ? lacking : obstacle;
  test(name, { skip, timeout: 120_000 }, async () => {
    await using lab = await Lab.make();
    const daemon = await lab.daemon();
    await daemon.call("reconcile", []);
    await body({ lab, daemon });
  });
}

/** Attaches the VMs, all at once, and answers the pid of the anchor they share. */
export async function anchorOf({ daemon }: Stage, ...vms: readonly VmNetwork[]): Promise<number> {
  const attachments = await Promise.all(vms.map((each) => daemon.call("attach", each)));
  const anchors = new Set(attachments.map(({ namespace }) => namespace?.anchorPid));
  assert.equal(anchors.size, 1, "all share one namespace");
  return attachments[0]?.namespace?.anchorPid ?? assert.fail("no namespace");
}

export const within = (lab: Lab, pid: number) => (argv: readonly string[]) => lab.inNamespace(pid, argv);

/** What is heard from the greeter at an address, from where `wrap` leads. */
export function tcp(wrap: (argv: readonly string[]) => readonly string[], address: string, source = ""): Promise<string> {
  return Lab.probe(wrap, "tcp", address, String(servicePort), ...(source === "" ? [] : [source]));
}

export const greeting = (address: string) => `hello from ${address}`;
export const blocked = (answer: string) => /^(TIMEOUT|E[A-Z]+)$/.test(answer);

/** How many processes of this lab's network there are, recorded or not. */
export async function marked(lab: Lab): Promise<number> {
  return (await lab.networkProcesses()).length;
}

export async function findOnPath(program: string): Promise<string | undefined> {
  for (const directory of (process.env["PATH"] ?? "").split(":")) {
    if (
      await access(join(directory, program), constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return join(directory, program);
  }
  return undefined;
}
