// Hints name banger as it can be typed here: a `banger` that is not on PATH was started by a path, and that path is what works.
import { accessSync, constants, realpathSync } from "node:fs";
import { resolve } from "node:path";
import type { CliDeps } from "../deps.ts";
import { shellLine } from "../ssh/argv.ts";

type Start = Pick<CliDeps, "startedAs" | "env" | "cwd">;

/** `banger` where it stands for a command to type, as in `banger vm list`. */
const AS_COMMAND = /(?<![\w./-]|\bthe )banger (?=(?:vm|image|daemon|config|doctor|version|completion)\b|--help\b)/g;

/** Puts banger's name as it can be typed into `text`. */
export function withOwnName(text: string, start: Start): string {
  if (text.search(AS_COMMAND) === -1) return text;
  const name = ownName(start);
  return name === "banger" ? text : text.replaceAll(AS_COMMAND, () => `${name} `);
}

/** `banger` where PATH leads to this one; else the path it was started by, as that was typed. */
export function ownName({ startedAs, env, cwd }: Start): string {
  if (startedAs === undefined || !startedAs.includes("/")) return "banger";
  const here = cwd ?? "/";
  const onPath = (env["PATH"] ?? "").split(":").map((directory) => resolve(here, directory, "banger"));
  const found = realPath(onPath.find(isProgram));
  return found !== undefined && found === realPath(resolve(here, startedAs)) ? "banger" : shellLine([startedAs]);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function realPath(path: string | undefined): string | undefined {
  try {
    return path === undefined ? undefined : realpathSync(path);
  } catch {
    return undefined;
  }
}
