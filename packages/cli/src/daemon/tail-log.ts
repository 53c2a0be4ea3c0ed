// The end of the daemon's log, and what is written next. `tail` does it: it follows a log that is replaced.
import { existsSync } from "node:fs";
import { BangerError } from "@banger/api";
import type { CliContext } from "../context.ts";
import { EXIT, signalStatus } from "../exit-codes.ts";
import { writeAll } from "../output/output.ts";

export interface TailRequest {
  readonly file: string;
  readonly lines: number;
  readonly isFollowing: boolean;
}

export async function tailLog({ deps, output }: CliContext, { file, lines, isFollowing }: TailRequest): Promise<number> {
  if (!existsSync(file) && !isFollowing) {
    output.note(`there is no log yet: ${file}`);
    return EXIT.ok;
  }
  const child = deps.childProcess.spawn("tail", ["-n", String(lines), ...(isFollowing ? ["-F"] : []), "--", file], {
    stdio: ["ignore", "pipe", "ignore"],
    env: deps.env,
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new BangerError("host.command_missing", "tail is not installed", { hint: `the log is ${file}`, cause })),
    );
    child.once("exit", (status, signal) => resolve(signal === null ? (status ?? EXIT.failure) : signalStatus(signal)));
  });
  try {
    const [status] = await Promise.all([
      ended,
      (async () => {
        for await (const chunk of child.stdout) await writeAll(deps.stdout, chunk as Buffer);
      })(),
    ]);
    return status;
  } finally {
    child.kill();
  }
}
