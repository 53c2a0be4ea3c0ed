// Parsers of flag values; what they throw becomes a usage error.
import { constants } from "node:os";
import { formatSize, MIB, parsePortMapping, parseSize, parseVmName, READINESS_LEVELS, type PortMapping } from "@banger/api";
import type { CommandContext } from "@stricli/core";
import type { CommandHost } from "./command.ts";
import { usageError } from "./context.ts";

/** The bounds of the API, told in the words of the flags. */
const MAX_VCPU = 64;
const MIN_SIZE = 64 * MIB;

export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text) || Number(text) > MAX_VCPU)
    throw usageError(`${JSON.stringify(text)} is not a number of CPUs`, `write a number from 1 to ${MAX_VCPU}, as --vcpu 4`);
  return Number(text);
}

export function parseMemory(text: string): number {
  return atLeastMinimum(text, parseSize(text, "memory size", "cli.usage"));
}

export function parseDisk(text: string): number {
  return atLeastMinimum(text, parseSize(text, "disk size", "cli.usage"));
}

function atLeastMinimum(text: string, bytes: number): number {
  if (bytes >= MIN_SIZE) return bytes;
  const hint = "write a number with a unit, as 512MiB, 4G or 16GiB; a bare number is MiB";
  throw usageError(`${JSON.stringify(text)} is less than ${formatSize(MIN_SIZE)}`, hint);
}

export function parsePublish(text: string): PortMapping {
  return parsePortMapping(text);
}

/** `K=V`; the value may hold anything. */
export function parseEnvironment(text: string): readonly [key: string, value: string] {
  const at = text.indexOf("=");
  if (at < 1) throw usageError(`${JSON.stringify(text)} is not K=V`, "write NAME=value, as --env CI=1");
  return [text.slice(0, at), text.slice(at + 1)];
}

/** How ready a guest must be before a command answers; `usual` without the flag. */
export function waitFlag(usual: string) {
  const brief = `agent (answers), basic (runs commands), system (booted), ssh; by default ${usual}`;
  return { kind: "enum", values: READINESS_LEVELS, optional: true, brief, placeholder: "LEVEL" } as const;
}

/** A signal's name, with or without SIG. */
export function parseSignal(text: string): string {
  const name = text.toUpperCase().replace(/^SIG/, "");
  if (!Object.hasOwn(constants.signals, `SIG${name}`))
    throw usageError(`${JSON.stringify(text)} is not a signal`, "write its name, as KILL or TERM");
  return name;
}

const vmParameter = {
  parse: parseVmName as (text: string) => string,
  placeholder: "NAME",
  proposeCompletions(this: CommandContext, partial: string) {
    return "vmNames" in this ? (this as CommandHost).vmNames(partial) : [];
  },
} as const;

/** One VM by name. */
export const oneVm = { kind: "tuple", parameters: [{ ...vmParameter, brief: "Name of the VM" }] } as const;

/** VMs by name, at least one. */
export const severalVms = { kind: "array", minimum: 1, parameter: { ...vmParameter, brief: "Names of the VMs" } } as const;

/** VMs by name, none too: then it is all of them that are meant. */
export const chosenVmNames = { kind: "array", parameter: { ...vmParameter, brief: "Names of the VMs" } } as const;

/** VMs by name or id, none too. */
export const someVms = { kind: "array", parameter: { ...vmParameter, brief: "Names or ids of the VMs" } } as const;

const imageParameter = { parse: parseImageName, placeholder: "NAME", brief: "Name of the image" } as const;

/** One image by name. */
export const oneImage = { kind: "tuple", parameters: [imageParameter] } as const;

/** One image by name, or the default one. */
export const optionalImage = { kind: "tuple", parameters: [{ ...imageParameter, optional: true }] } as const;

function parseImageName(text: string): string {
  if (text === "" || text.length > 255) throw usageError(`${JSON.stringify(text)} is not the name of an image`, "banger image list");
  return text;
}
