// Runs the agent's tests and says what `go test` keeps to itself: which were skipped and why, and how many there were.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

/** https://pkg.go.dev/cmd/test2json#hdr-Output_Format */
interface TestEvent {
  readonly Action: string;
  readonly Package?: string;
  readonly Test?: string;
  readonly Elapsed?: number;
  readonly Output?: string;
}

const root = dirname(import.meta.dirname);
const go = spawn(join(root, "scripts/toolchain.sh"), ["go", "test", "-json", ...process.argv.slice(2), "./..."], {
  cwd: join(root, "guest"),
  stdio: ["ignore", "pipe", "inherit"],
});
const ended = once(go, "close");

const counts = { pass: 0, fail: 0, skip: 0 };
const said = new Map<string, string>();

for await (const line of createInterface({ input: go.stdout })) {
  if (!line.startsWith("{")) console.log(line);
  else report(JSON.parse(line));
}

await ended;
console.log(`# tests ${counts.pass + counts.fail + counts.skip}\n# pass ${counts.pass}\n# fail ${counts.fail}\n# skipped ${counts.skip}`);
process.exitCode = go.exitCode ?? 1;

function report(event: TestEvent): void {
  const name = [event.Package, event.Test].filter((part) => part !== undefined).join(" ");
  if (event.Output !== undefined) {
    said.set(name, (said.get(name) ?? "") + event.Output);
    return;
  }
  const output = said.get(name) ?? "";
  if (event.Action === "fail") console.log(`✖ ${name}\n${output}`);
  if (event.Action === "build-fail") console.log(output);
  if (event.Test === undefined) {
    if (event.Action === "pass") console.log(`✔ ${name} (${event.Elapsed ?? 0}s)`);
    return;
  }
  if (event.Action === "skip") console.log(`﹣ ${name} # ${reasonOf(output)}`);
  if (event.Action === "pass" || event.Action === "fail" || event.Action === "skip") counts[event.Action] += 1;
}

/** Of `    file_test.go:12: no squashfs image` the words. */
function reasonOf(output: string): string {
  return /^\s+\S+\.go:\d+: (.*)$/m.exec(output)?.[1] ?? "no reason given";
}
