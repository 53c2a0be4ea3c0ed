import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCommandLine } from "./cli.ts";
import { commandPaths } from "./testing/command-paths.ts";
import { checkDeps } from "./testing/check-deps.ts";
import { openScene } from "./testing/run-cli.ts";

test("banger alone is the way in", async () => {
  await using scene = await openScene();
  const said = await scene.cli([]);
  assert.deepEqual(said, {
    status: 0,
    stderr: "",
    stdout: `Throw-away Linux machines with one command

USAGE
  banger NOUN VERB [FLAGS]

EXAMPLES
  banger vm run                       a shell in a fresh VM
  banger vm run ./api -- make test    your repository copied into one, a command run in it
  banger vm run --rm -- uname -a      one command, nothing left behind
  banger vm list                      the VMs that are there
  banger vm ssh sandbox               back into one

COMMANDS
  vm run|create|list|show|ssh|exec|cp|logs|forward|start|stop|restart|kill|delete|workspace
                           Make, enter, look at and delete VMs
  image list|show|pull|delete
                           Look after what VMs boot from
  daemon status|stop|logs  Look after the daemon
  config show              Look at the settings
  doctor                   Check what this host can do
  version                  Show the version of banger and of its daemon
  completion               Print a completion script for a shell

More on one: banger vm --help, banger vm run --help
`,
  });
});

/** Columns of a line of help. */
const WIDEST = 125;

test("every command has a help with usage, exit status and examples that parse", async (t) => {
  await using scene = await openScene();
  for (const path of await commandPaths()) {
    await t.test(path.join(" "), async () => {
      const said = await scene.cli([...path, "--help"]);
      assert.equal(said.status, 0);
      assert.match(said.stdout, /^USAGE\n/);
      assert.match(said.stdout, /\nEXIT STATUS\n/);
      const widest = said.stdout.split("\n").toSorted((a, b) => b.length - a.length)[0] ?? "";
      assert.ok(widest.length <= WIDEST, `${widest.length} columns: ${widest}`);
      for (const line of exampleLines(said.stdout)) {
        assert.equal(await checkCommandLine(checkDeps(shellWords(line))), undefined, line);
      }
    });
  }
});

test("flags are shown as they are typed, the dominant ones first, with what holds without them", async () => {
  await using scene = await openScene();
  const { stdout } = await scene.cli(["vm", "run", "--help"]);
  const flags = /\nFLAGS\n((?: .*\n)+)\nARGUMENTS\n/.exec(stdout)?.[1] ?? "";
  assert.match(flags, /^ {6}--rm {2,}Delete the VM at the end/);
  assert.match(flags, /\n {2}-p, --publish \[ADDR:\]HOST:GUEST\n {20,}Reach a guest's port/);
  assert.match(flags, /\n {6}--memory SIZE {2,}Memory, as 4G or 512MiB; by default an eighth/);
  assert.match(flags, /\n {6}--wait LEVEL {2,}agent .*; by default basic, ssh for a shell\n/);
  assert.match(flags, /\n {2}-q, --quiet {2,}No progress, no remarks\n {2}-h, --help {2,}Show this help\n$/);
});

test("help is found in all the places people look", async () => {
  await using scene = await openScene();
  const help = await scene.cli(["vm", "run", "--help"]);
  for (const argv of [
    ["vm", "run", "-h"],
    ["help", "vm", "run"],
    ["vm", "run", "--name", "x", "--help"],
  ])
    assert.deepEqual(await scene.cli(argv), help);
});

test("--version", async () => {
  await using scene = await openScene();
  assert.deepEqual(await scene.cli(["--version"]), { status: 0, stdout: "0.1.0\n", stderr: "" });
});

/** The banger command of each example, up to the two blanks before its description. */
function exampleLines(help: string): string[] {
  const section = /\nEXAMPLES\n((?: {2}.*\n)*)/.exec(help)?.[1] ?? "";
  return section
    .split("\n")
    .map((line) => /\bbanger (.*?)(?: {2}| \||\)|$)/.exec(line)?.[1])
    .filter((line) => line !== undefined);
}

function shellWords(line: string): string[] {
  const words =
    line
      .replace(/ <.*$/, "")
      .replace(/\$\(.*$/, "a")
      .match(/'[^']*'|\S+/g) ?? [];
  return words.map((word) => word.replaceAll("'", ""));
}
