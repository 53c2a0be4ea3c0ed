// Commands about the host and its images.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "@banger/api";
import { fakeImage, fakeVm } from "../testing/fixtures.ts";
import { openScene } from "../testing/run-cli.ts";

const report = {
  problems: 1,
  warnings: 1,
  checks: [
    { id: "architecture", status: "ok" as const, summary: "x86_64" },
    { id: "accelerator", status: "warning" as const, summary: "kvm: device present, but a test boot did not finish in 5 s; using tcg" },
    {
      id: "subuids",
      status: "failed" as const,
      summary: "no range for dev in /etc/subuid",
      fix: "sudo usermod --add-subuids 100000-165535 dev",
    },
    { id: "disk", status: "skipped" as const, summary: "not asked" },
  ],
};

test("doctor: a line a check, the fix below, the sum; exit 1 on a failed check", async () => {
  await using scene = await openScene({ doctor: () => report });
  assert.deepEqual(await scene.cli(["doctor"]), {
    status: 1,
    stderr: "",
    stdout: `✓ architecture      x86_64
! accelerator       kvm: device present, but a test boot did not finish in 5 s; using tcg
✗ subuids           no range for dev in /etc/subuid
                    fix: sudo usermod --add-subuids 100000-165535 dev
- disk              not asked
1 problem, 1 warning
`,
  });
  assert.deepEqual(JSON.parse((await scene.cli(["doctor", "--json"])).stdout), report);
});

test("doctor is content with warnings", async () => {
  await using scene = await openScene({ doctor: () => ({ problems: 0, warnings: 0, checks: [] }) });
  assert.deepEqual(await scene.cli(["doctor"]), { status: 0, stdout: "no problems\n", stderr: "" });
});

test("image list", async () => {
  await using scene = await openScene({
    imageList: () => [fakeImage(), fakeImage({ name: "debian-trixie", status: "available", sizeBytes: null, kernel: null, usedBy: [] })],
  });
  assert.deepEqual(await scene.cli(["image", "ls"]), {
    status: 0,
    stderr: "",
    stdout: `NAME             STATUS     SIZE     ARCH   KERNEL                USED BY
debian-bookworm  ready      366 MiB  amd64  6.1.0-56-cloud-amd64  sandbox
debian-trixie    available  -        amd64  -                     -
`,
  });
});

test("image pull tells its stages and what is here then", async () => {
  await using scene = await openScene({
    imageShow: () => fakeImage(),
    imagePull: ({ emit, query }) => {
      assert.equal(query?.force, "true");
      emit({ type: "stage.started", stage: "squash", atMs: 0 });
      emit({ type: "stage.finished", stage: "squash", durationMs: 1900, atMs: 1900, facts: { bytes: 366 * 1024 ** 2 } });
      return fakeImage();
    },
  });
  assert.deepEqual(await scene.cli(["image", "pull", "debian-bookworm", "--force"]), {
    status: 0,
    stdout: "debian-bookworm ready  366 MiB\n",
    stderr: "✓ squash  366 MiB  1.9s\n",
  });
});

test("image pull without a name brings the image that VMs get by default", async () => {
  const from = <T>(value: T) => ({ value, source: "default" as const });
  await using scene = await openScene({
    defaults: () => ({ vcpu: from(2), memoryMib: from(2048), diskBytes: from(8 * 1024 ** 3), image: from("debian-bookworm") }),
    imageShow: () => fakeImage({ status: "available", digest: null }),
    imagePull: () => fakeImage(),
  });
  assert.deepEqual(await scene.cli(["image", "pull"]), {
    status: 0,
    stdout: "debian-bookworm ready  366 MiB\n",
    stderr: "image debian-bookworm is not here yet: building it from signed distribution packages (once, two to three minutes)\n",
  });
  assert.deepEqual(scene.daemon?.calls, ["defaults", "imageShow debian-bookworm", "imagePull debian-bookworm"]);
});

test("an outdated image is called so, and a pull says that it is built anew", async () => {
  const old = fakeImage({ outdated: true });
  await using scene = await openScene({ imageList: () => [old], imageShow: () => old, imagePull: () => fakeImage() });
  assert.match((await scene.cli(["image", "list"])).stdout, /^debian-bookworm {2}ready \(outdated\) {2}366 MiB/m);
  const shown = await scene.cli(["image", "show", "debian-bookworm"]);
  assert.match(shown.stdout, /^status {3}ready \(outdated: banger image pull debian-bookworm builds it anew\)$/m);
  assert.equal(JSON.parse((await scene.cli(["image", "show", "debian-bookworm", "--json"])).stdout).outdated, true);
  assert.deepEqual(await scene.cli(["image", "pull", "debian-bookworm"]), {
    status: 0,
    stdout: "debian-bookworm ready  366 MiB\n",
    stderr: "image debian-bookworm is older than its recipe: building it from signed distribution packages (once, two to three minutes)\n",
  });
});

test("image delete and show", async () => {
  await using scene = await openScene({
    imageShow: () => fakeImage(),
    imageDelete: () => {
      throw new BangerError("image.in_use", "debian-bookworm is used by sandbox", { hint: "banger vm delete sandbox" });
    },
  });
  assert.deepEqual(await scene.cli(["image", "rm", "debian-bookworm"]), {
    status: 1,
    stdout: "",
    stderr: "error: debian-bookworm is used by sandbox\n  try: banger vm delete sandbox\n",
  });
  assert.match((await scene.cli(["image", "show", "debian-bookworm"])).stdout, /^name {5}debian-bookworm\nstatus {3}ready\n/);
});

test("an answer that is not as declared is a bug, and its details are kept", async () => {
  // One of our own version is taken at its word; this one does not tell its version until it is pinged.
  await using scene = await openScene({ vmShow: () => ({ ...fakeVm(), vcpu: "two" }) as never }, { tellsVersion: false });
  const said = await scene.cli(["vm", "show", "sandbox"]);
  assert.equal(said.status, 1);
  assert.equal(
    said.stderr,
    `error: banger has a bug: the daemon's answer is not as declared: vcpu: Invalid input\n  try: the details are in ${scene.home}/state/cli.log\n`,
  );
});

test("completion offers commands, flags and names of VMs, and starts nothing", async () => {
  await using scene = await openScene({ vmList: () => [fakeVm()] });
  const offered = async (...words: string[]) => (await scene.cli(["__complete", "--", ...words])).stdout.trim().split("\n");
  assert.deepEqual(await offered("vm", "s"), ["show", "ssh", "start", "stop"]);
  assert.deepEqual(await offered("vm", "ssh", "sa"), ["sandbox"]);
  assert.deepEqual(await offered("vm", "delete", "other", "s"), ["sandbox"]);
  assert.deepEqual(await offered("vm", "run", "--me"), ["--memory"]);
  assert.deepEqual(await offered("vm", "exec", "sandbox", "--", "l"), [""]);
  assert.deepEqual(await offered("vm", "ssh", "sandbox", ""), [""]);
  await using nobody = await openScene();
  assert.deepEqual(await nobody.cli(["__complete", "--", "vm", "ssh", ""]), { status: 0, stdout: "", stderr: "" });
});

test("config show tells each setting with where it comes from, one section alone, or JSON", async () => {
  const settings = {
    file: "/c/config.toml",
    defaultImageName: { value: "debian-bookworm", source: "default" },
    sshKeyPath: { value: "/k/id", source: "config" },
    firecrackerBin: { value: null, source: "default" },
    vmDefaults: {
      vcpu: { value: 2, source: "host" },
      memoryMib: { value: 4096, source: "config" },
      diskBytes: { value: 8 * 1024 ** 3, source: "default" },
    },
    fileSync: [{ host: "/home/dev/.gitconfig", guest: ".gitconfig", mode: null }],
  } as const;
  await using scene = await openScene({ settings: () => ({ ...settings, fileSync: [...settings.fileSync] }) });
  assert.equal(
    (await scene.cli(["config", "show"])).stdout,
    `file                   /c/config.toml
default_image_name     debian-bookworm (default)
ssh_key_path           /k/id (config)
firecracker_bin        looked up on PATH (default)
vm_defaults.vcpu       2 (host)
vm_defaults.memory     4 GiB (config)
vm_defaults.disk_size  8 GiB (default)
file_sync              /home/dev/.gitconfig → ~/.gitconfig
`,
  );
  assert.equal(
    (await scene.cli(["config", "show", "vm_defaults"])).stdout,
    "vcpu       2 (host)\nmemory     4 GiB (config)\ndisk_size  8 GiB (default)\n",
  );
  assert.deepEqual(JSON.parse((await scene.cli(["config", "show", "vm_defaults", "--json"])).stdout), settings.vmDefaults);
  assert.equal((await scene.cli(["config", "show", "nope"])).status, 2);
});
