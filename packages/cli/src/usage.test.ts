// A wrong command line: said before anything is done, exit 2.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openScene } from "./testing/run-cli.ts";

const CASES: readonly (readonly [line: string, stderr: string])[] = [
  ["vm shh api", `error: no command "vm shh". Did you mean "vm ssh"?\n`],
  ["wm list", `error: no command "wm". Did you mean "vm"?\n`],
  ["completely-else", `error: no command "completely-else"\n  try: banger --help\n`],
  ["vm list --jsn", "error: no flag --jsn. Did you mean --json?\n  try: banger vm list --help\n"],
  ["--json", '{"error":{"code":"cli.usage","message":"no command given","hint":"banger --help"}}\n'],
  ["vm list -z", "error: no flag -z\n  try: banger vm list --help\n"],
  ["vm list extra", `error: unexpected argument "extra"\n  try: banger vm list --help\n`],
  ["vm list -- ls", "error: this command takes nothing after --\n  try: banger vm list --help\n"],
  [
    "vm run make test",
    `error: unexpected argument "test"\n  try: a command for the guest goes after --, as in: banger vm run -- make test\n`,
  ],
  [
    "vm run /tmp make test",
    `error: unexpected argument "make"\n  try: a command for the guest goes after --, as in: banger vm run /tmp -- make test\n`,
  ],
  [
    "vm run --rm --name x ls -la",
    `error: no flag -l\n  try: a command for the guest goes after --, as in: banger vm run --rm --name x -- ls -la\n`,
  ],
  [
    "vm exec api ls -la",
    `error: unexpected argument "ls"\n  try: a command for the guest goes after --, as in: banger vm exec api -- ls -la\n`,
  ],
  ["vm run -z", "error: no flag -z\n  try: banger vm run --help\n"],
  ["vm run --from main ./api", "error: --from needs --branch\n  try: banger vm run PATH --branch NEW --from REF\n"],
  ["vm run --include-untracked", "error: --include-untracked needs a PATH: the repository to copy\n  try: banger vm run ./repo\n"],
  ["vm run --guest-path repo ./api", `error: --guest-path: "repo" is not an absolute path in the guest\n  try: write it as /root/repo\n`],
  [
    "vm run --guest-path /tmp/repo ./api",
    "error: --guest-path: nothing stays in /tmp: a guest empties it whenever it boots\n  try: write it as /root/repo\n",
  ],
  [
    "vm exec api make test",
    `error: unexpected argument "make"\n  try: a command for the guest goes after --, as in: banger vm exec api -- make test\n`,
  ],
  ["vm exec api", "error: no command given\n  try: write it after --, as in: -- make test\n"],
  ["vm exec api --", "error: no command after --\n  try: banger vm exec --help\n"],
  ["vm exec -- ls", "error: NAME is missing\n  try: banger vm exec --help\n"],
  ["vm exec api --env CI -- ls", `error: --env: "CI" is not K=V\n  try: write NAME=value, as --env CI=1\n`],
  [
    "vm run --detach --rm",
    "error: --detach and --rm exclude each other: a detached VM has no end to be deleted at\n  try: banger vm run --help\n",
  ],
  [
    "vm run -d -- make",
    "error: --detach takes no command\n  try: banger vm run --detach --name NAME, then: banger vm exec NAME -- COMMAND\n",
  ],
  ["vm run -t -T -- make", "error: --tty and --no-tty exclude each other\n  try: banger vm run --help\n"],
  [
    "vm run --memory 4X",
    `error: --memory: "4X" is not a memory size\n  try: write a number with a unit, as 512MiB, 4G or 16GiB; a bare number is MiB\n`,
  ],
  [
    "vm run --memory 4",
    `error: --memory: "4" is less than 64 MiB\n  try: write a number with a unit, as 512MiB, 4G or 16GiB; a bare number is MiB\n`,
  ],
  [
    "vm run --disk-size 63MiB",
    `error: --disk-size: "63MiB" is less than 64 MiB\n  try: write a number with a unit, as 512MiB, 4G or 16GiB; a bare number is MiB\n`,
  ],
  ["vm run --vcpu 65", `error: --vcpu: "65" is not a number of CPUs\n  try: write a number from 1 to 64, as --vcpu 4\n`],
  ["vm run --vcpu two", `error: --vcpu: "two" is not a number of CPUs\n  try: write a number from 1 to 64, as --vcpu 4\n`],
  [
    "vm run --name Bad_",
    `error: --name: "Bad_" is not a VM name\n  try: use 1 to 63 of a-z, 0-9 and '-', not starting or ending with '-'\n`,
  ],
  ["vm run -p 80", `error: --publish: "80" is not a port to publish\n  try: write [ADDR:]HOST:GUEST, as 8080:80 or 0.0.0.0:8080:80\n`],
  ["vm run --wait soon", `error: --wait cannot be "soon": it is one of agent, basic, system, ssh\n  try: banger vm run --help\n`],
  ["vm run --name", "error: --name needs a value\n  try: banger vm run --help\n"],
  ["vm run --name a --name b", `error: --name is given twice: "a" and "b"\n  try: banger vm run --help\n`],
  ["completion fish", `error: SHELL: "fish" is no shell that banger completes in: bash, zsh\n  try: banger completion bash\n`],
  ["vm delete", "error: name the VMs, or take --all\n  try: banger vm list\n"],
  ["vm list --socket run.sock", `error: "run.sock" is not an absolute path of a socket\n  try: --socket HOME/data/run/bangerd.sock\n`],
];

test("each wrong command line is told what is wrong and what to type", async (t) => {
  for (const [line, stderr] of CASES) {
    await t.test(line, async () => {
      await using scene = await openScene({});
      const said = await scene.cli(line.split(" "));
      assert.deepEqual(said, { status: 2, stdout: "", stderr: stderr.replace("HOME", scene.home) });
      assert.deepEqual(scene.daemon?.calls, []);
    });
  }
});

test("with --json the error is a document on stderr", async () => {
  await using scene = await openScene({});
  const said = await scene.cli(["vm", "list", "--json", "--nope"]);
  assert.equal(said.status, 2);
  assert.deepEqual(JSON.parse(said.stderr), { error: { code: "cli.usage", message: "no flag --nope", hint: "banger vm list --help" } });
});

test("property: no command line crashes; what is refused is refused with 2 and one error", async () => {
  await using scene = await openScene({ vmList: () => [], imageList: () => [] });
  const word = fc.oneof(
    fc.constantFrom("vm", "list", "image", "--json", "-q", "--help", "--", "-p", "--name", "=", "-", "help", "--socket"),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (argv) => {
      // Only commands that are listed above may run: they are harmless.
      fc.pre(
        !argv.some((part) =>
          /^(run|create|ssh|dial|daemon|doctor|version|exec|start|stop|kill|logs|forward|restart|pull|show|delete|rm)$/.test(part),
        ),
      );
      const said = await scene.cli(argv);
      assert.ok(said.status === 0 || said.status === 1 || said.status === 2, `status ${said.status}`);
      if (said.status === 2) assert.match(said.stderr, /^(error: |\{"error")/);
      assert.doesNotMatch(said.stderr, /has a bug/);
    }),
    { numRuns: 300 },
  );
});
