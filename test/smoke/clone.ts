// A clone of the shared repository for a scenario that changes it, or checks what came out against it.
import { execFileSync } from "node:child_process";

export interface Clone {
  readonly path: string;
  /** What git says there, one character a byte. */
  readonly git: (...args: readonly string[]) => string;
}

export function cloneOf(repository: string, path: string): Clone {
  const git = (...args: readonly string[]) => execFileSync("git", ["-C", path, ...args], { encoding: "latin1" });
  execFileSync("git", ["clone", "--quiet", repository, path]);
  git("config", "user.name", "Smoke");
  git("config", "user.email", "smoke@example.invalid");
  return { path, git };
}
