// A daemon program for tests of starting one: it holds a lock like the real one, and a loser exits 0.
import { existsSync, mkdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { resolvePaths } from "@banger/api";
import { startFakeDaemon } from "./fake-daemon.ts";

/** A forgotten daemon leaves by itself. */
const LIFETIME_MS = 60_000;
const WATCH_MS = 500;

const home = process.env["BANGER_HOME"] ?? "";
const paths = resolvePaths({ uid: 1000, home, env: process.env });

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (process.env["FAKE_BANGERD"] === "broken") {
  say("reading config.toml");
  say("bangerd: config.toml:3: unknown key vm_default");
  process.exit(1);
}

if (process.env["FAKE_BANGERD"] === "refusing") {
  say("error: state.db is damaged\n  try: put a copy of it back");
  process.exit(1);
}

// One that was started last may come up when the test is over.
if (!existsSync(home)) process.exit(0);
mkdirSync(paths.runDir, { recursive: true });
const lock = join(home, "lock");
try {
  mkdirSync(lock);
} catch {
  say(`bangerd ${process.pid}: another holds the lock`);
  process.exit(0);
}
rmSync(paths.socket, { force: true });
const leave = () => {
  rmdirSync(lock);
  process.exit(0);
};
await startFakeDaemon(paths.socket, {
  vmList: () => [],
  daemonStop: () => {
    setImmediate(leave);
    return {};
  },
});
say(`bangerd ${process.pid}: listening`);
setTimeout(leave, LIFETIME_MS);
setInterval(() => {
  if (!existsSync(home)) process.exit(0);
}, WATCH_MS);
