import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BangerError, GIB } from "@banger/api";
import fc from "fast-check";
import { loadConfig } from "./load-config.ts";
import { parseConfig } from "./parse-config.ts";
import { DEFAULT_CONFIG } from "./settings.ts";

const parse = (text: string) => parseConfig({ file: "/c.toml", text, home: "/home/dev" });
const refusal = (text: string): BangerError => {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof BangerError) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: `accepted: ${text}` });
};

test("all settings are read", () => {
  const config = parse(`
default_image_name = "alpine"
ssh_key_path = "~/.ssh/id_ed25519"
firecracker_bin = "/opt/firecracker"
[vm_defaults]
vcpu = 2
memory = "4G"
disk_size = 16384
`);
  assert.deepEqual(config, {
    defaultImageName: "alpine",
    sshKeyPath: "/home/dev/.ssh/id_ed25519",
    firecrackerBin: "/opt/firecracker",
    vmDefaults: { vcpu: 2, memoryMib: 4096, diskBytes: 16 * GIB },
    fileSync: [],
  });
});

test("files to sync", () => {
  const { fileSync } = parse(`
[[file_sync]]
host = "~/.gitconfig"
guest = "~/.gitconfig"

[[file_sync]]
host = "/home/dev/.config/gh/"
guest = "/root/.config/./gh"
mode = "0640"
`);
  assert.deepEqual(fileSync, [
    { host: "/home/dev/.gitconfig", guest: ".gitconfig", mode: null },
    { host: "/home/dev/.config/gh", guest: ".config/gh", mode: 0o640 },
  ]);
  assert.deepEqual(parse('file_sync = [{ host = "~/a", guest = "~/b" }]').fileSync, [{ host: "/home/dev/a", guest: "b", mode: null }]);
});

test("an empty file, and inline and dotted forms of the same settings", () => {
  assert.deepEqual(parse(""), DEFAULT_CONFIG);
  assert.deepEqual(parse("\uFEFF".slice(1)), DEFAULT_CONFIG);
  assert.deepEqual(parse("vm_defaults = { vcpu = 3 }").vmDefaults, { vcpu: 3 });
  assert.deepEqual(parse('vm_defaults.memory = "512MiB"').vmDefaults, { memoryMib: 512 });
});

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ["default_image_nam = 1", '/c.toml:1:1: unknown key "default_image_nam"', /did you mean default_image_name\?/],
  ["\n[vm_defaults]\n  cpu = 2", '/c.toml:3:3: unknown key "cpu" in [vm_defaults]', /did you mean vcpu\?/],
  ["colour = 1", '/c.toml:1:1: unknown key "colour"', /known here: default_image_name, ssh_key_path/],
  ["[vm_default]\nvcpu = 1", '/c.toml:1:2: unknown key "vm_default"', /did you mean vm_defaults\?/],
  ["__proto__ = 1", '/c.toml:1:1: unknown key "__proto__"', /known here/],
  ["toString = 1", '/c.toml:1:1: unknown key "toString"', /known here/],
  ["vm_defaults = 3", "/c.toml:1:1: vm_defaults is 3, not a table", /\[vm_defaults\]/],
  ["[[vm_defaults]]\nvcpu = 1", "/c.toml:1:3: vm_defaults is a list, not a table", /\[vm_defaults\]/],
  ['vm_defaults.vcpu = "two"', '/c.toml:1:13: vm_defaults.vcpu is "two"', /a whole number from 1 to 64/],
  ["vm_defaults.vcpu = 0", "/c.toml:1:13: vm_defaults.vcpu is 0", /a whole number from 1 to 64/],
  ["vm_defaults.vcpu = 1.5", "/c.toml:1:13: vm_defaults.vcpu is 1.5", /whole number/],
  ["vm_defaults.vcpu = inf", "/c.toml:1:13: vm_defaults.vcpu is null", /whole number/],
  ['vm_defaults.memory = "much"', '/c.toml:1:13: vm_defaults.memory is "much"', /"4G"/],
  ["vm_defaults.memory = -1", "/c.toml:1:13: vm_defaults.memory is -1", /MiB/],
  ["vm_defaults.disk_size = 16.5", "/c.toml:1:13: vm_defaults.disk_size is 16.5", /MiB/],
  ["vm_defaults.disk_size = 1979-05-27", "/c.toml:1:13: vm_defaults.disk_size is a date", /MiB/],
  ["default_image_name = true", "/c.toml:1:1: default_image_name is true", /quotes/],
  ['default_image_name = ""', '/c.toml:1:1: default_image_name is ""', /1 to 255/],
  ['ssh_key_path = "id_rsa"', '/c.toml:1:1: ssh_key_path is "id_rsa"', /begins with "\/" or "~\/"/],
  ["file_sync = 1", "/c.toml:1:1: file_sync is 1, not a list of tables", /\[\[file_sync\]\]/],
  ["[file_sync]\nhost = 1", "/c.toml:1:2: file_sync is a table, not a list of tables", /\[\[file_sync\]\]/],
  ['[[file_sync]]\nhost = "~/a"', "/c.toml:2:1: file_sync has no guest", /guest = …/],
  [
    '[[file_sync]]\nhost = "~/a"\nguest = "~/a"\n\n[[file_sync]]\n hots = "~/b"\nhost = "~/a"\nguest = "~/a"',
    '/c.toml:6:2: unknown key "hots" in [file_sync]',
    /did you mean host\?/,
  ],
  ...[".gitconfig", "~dev/x", "/etc/passwd", "~/../x", "/home/dev", "/home/dev/../root", "/home/developer/x", "~"].map(
    (host) => [`[[file_sync]]\nguest = "~/a"\nhost = "${host}"`, `/c.toml:3:1: file_sync.host is "${host}"`, /below your home/] as const,
  ),
  ...["x", "/etc/x", "~root/x", "~/", "/root", "/root/", "/root/../etc/x", "~/a/../../b", "/rootx/a", "~//etc/x"].map(
    (guest) =>
      [`[[file_sync]]\nhost = "~/a"\nguest = "${guest}"`, `/c.toml:3:1: file_sync.guest is "${guest}"`, /below root's home/] as const,
  ),
  ...['"600x"', "600", "0o600", '"1777"', '"u+x"', '""'].map(
    (mode) =>
      [
        `[[file_sync]]\nhost = "~/a"\nguest = "~/a"\nmode = ${mode}`,
        `/c.toml:4:1: file_sync.mode is ${mode === "0o600" ? "384" : mode}`,
        /octal/,
      ] as const,
  ),
  ['ssh_key_path = "~root/x"', '/c.toml:1:1: ssh_key_path is "~root/x"', /~\//],
];

for (const [text, message, hint] of REFUSED) {
  test(`refused: ${JSON.stringify(text)}`, () => {
    const error = refusal(text);
    assert.equal(error.code, "config.invalid");
    assert.equal(error.message, message);
    assert.match(error.hint ?? "", hint);
  });
}

test("syntax errors name their line and column, in one line", () => {
  const error = refusal('vm_defaults = {}\nssh_key_path = "unclosed\n');
  assert.match(error.message, /^\/c\.toml:2:\d+: [^\n]+$/);
});

test("the first problem in the file is told, all of them are in the details", () => {
  const error = refusal('[vm_defaults]\nmemory = "x"\nvcpu = 0\ncolour = 1');
  assert.equal(error.message, '/c.toml:2:1: vm_defaults.memory is "x" (and 2 more)');
  const problems = error.details?.["problems"];
  assert.ok(Array.isArray(problems) && problems.length === 3);
});

test("whatever the text is, there is a config or config.invalid with a place", () => {
  const word = fc.constantFrom(
    "vm_defaults",
    "vcpu",
    "memory",
    "[",
    "]",
    "=",
    " = ",
    "\n",
    '"',
    "'",
    '"""',
    "{",
    "}",
    ".",
    "1",
    "4G",
    "#",
    ",",
    "é",
    "\t",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word, { maxLength: 20 }).map((words) => words.join("")),
      ),
      (text) => {
        try {
          parse(text);
        } catch (error) {
          assert.ok(error instanceof BangerError, String(error));
          assert.match(error.message, /^\/c\.toml:\d+:\d+: /);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test("the file: missing is the defaults, unreadable or not text is config.invalid", async () => {
  const directory = await mkdtemp(join(tmpdir(), "banger-config-"));
  try {
    const file = join(directory, "config.toml");
    const load = () => loadConfig({ file, home: "/home/dev" });
    assert.deepEqual(await load(), DEFAULT_CONFIG);
    await writeFile(file, '\uFEFFdefault_image_name = "x"\n');
    assert.equal((await load()).defaultImageName, "x");
    await writeFile(file, Buffer.from([0x61, 0xff]));
    await assert.rejects(load, { code: "config.invalid", message: `${file} is not UTF-8 text`, hint: /^iconv / });
    await rm(file);
    await mkdir(file);
    await chmod(file, 0o700);
    await assert.rejects(load, { code: "config.invalid", message: `${file} cannot be read (EISDIR)`, hint: `ls -ld ${file}` });
  } finally {
    await rm(directory, { recursive: true });
  }
});
