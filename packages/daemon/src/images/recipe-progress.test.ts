import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { advance, failureCauses, NO_PROGRESS, packagesDone, parseAptSize, saysDiskFull } from "./recipe-progress.ts";

const BUILD = `I: running apt-get update...
Get:1 http://mirror/debian bookworm InRelease [151 kB]
Fetched 9417 kB in 1s (7418 kB/s)
I: downloading packages with apt...
0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.
Need to get 13.7 MB of archives.
After this operation, 56.8 MB of additional disk space will be used.
Get:1 http://mirror/debian bookworm/main amd64 gcc-12-base amd64 12.2.0-14+deb12u1 [37.6 kB]
Get:3 http://mirror/debian bookworm/main amd64 libc6 amd64 2.36-9+deb12u14 [2,759 kB]
Fetched 13.7 MB in 0s (112 MB/s)
I: installing essential packages...
Unpacking libc6:amd64 (2.36-9+deb12u14) ...
Setting up gcc-12-base:amd64 (12.2.0-14+deb12u1) ...
Setting up libc6:amd64 (2.36-9+deb12u14) ...
I: installing remaining packages inside the chroot...
0 upgraded, 3 newly installed, 0 to remove and 0 not upgraded.
Need to get 1,000 kB/3,000 kB of archives.
Get:1 http://mirror/debian bookworm/main amd64 kmod amd64 30-1 [95.2 kB]`.split("\n");

test("packages and bytes add up over apt's runs", () => {
  const progress = BUILD.reduce(advance, NO_PROGRESS);
  assert.deepEqual(progress, {
    packagesTotal: 5,
    packagesUnpacked: 1,
    packagesSetUp: 2,
    bytesTotal: 14_700_000,
    bytesDone: 2_891_800,
    downloading: true,
  });
  assert.equal(packagesDone(progress), 1);
});

test("a line that says nothing leaves the progress as it is", () => {
  assert.equal(advance(NO_PROGRESS, "Processing triggers for libc-bin (2.36-9) ..."), NO_PROGRESS);
  assert.equal(advance(NO_PROGRESS, BUILD[1] ?? ""), NO_PROGRESS);
});

test("whatever is said, what is done never passes the total", () => {
  const line = fc.oneof(fc.constantFrom(...BUILD), fc.string());
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const progress = lines.reduce(advance, NO_PROGRESS);
      assert.ok(progress.bytesDone <= progress.bytesTotal);
      assert.ok(packagesDone(progress) <= progress.packagesTotal);
    }),
  );
});

test("apt's sizes are powers of 1000", () => {
  assert.deepEqual(["512 B", "37.6 kB", "1,048 MB", "2 GB"].map(parseAptSize), [512, 37_600, 1_048_000_000, 2_000_000_000]);
  assert.ok(Number.isNaN(parseAptSize("many")));
});

test("a failure's cause is named in dpkg's words, without what follows from it", () => {
  const lines = `I: installing essential packages...
dpkg: warning: 'diff' not found in PATH or not executable
dpkg: error: 2 expected programs not found in PATH or not executable
Note: root's PATH should usually contain /usr/local/sbin, /usr/sbin and /sbin
E: setup failed: E: env --unset=APT_CONFIG chroot /var/tmp/banger-x/tmp/y dpkg --install failed: process exited with 2 and error in console output
I: main() received signal PIPE: waiting for setup...
E: mmdebstrap failed to run`.split("\n");
  assert.deepEqual(failureCauses(lines), ["dpkg: error: 2 expected programs not found in PATH or not executable"]);
});

test("a mirror that cannot be reached is named with the reason", () => {
  const lines = `I: running apt-get update...
Err:1 http://mirror.invalid/debian bookworm InRelease
  Could not resolve 'mirror.invalid'
Reading package lists...
W: Failed to fetch http://mirror.invalid/debian/dists/bookworm/InRelease  Could not resolve 'mirror.invalid'
E: apt-get update --error-on=any failed: process exited with 100 and error in console output`.split("\n");
  assert.deepEqual(failureCauses(lines).slice(0, 2), [
    "Err:1 http://mirror.invalid/debian bookworm InRelease",
    "Could not resolve 'mirror.invalid'",
  ]);
});

test("without a line that stands out the last ones are given", () => {
  assert.deepEqual(failureCauses(["one", "two", "I: done", "three", "four", ""]), ["two", "three", "four"]);
});

test("a full disk is recognised", () => {
  assert.ok(
    saysDiskFull([
      "dpkg: error processing archive x.deb (--unpack):",
      " cannot copy extracted data: failed to write (No space left on device)",
    ]),
  );
  assert.ok(!saysDiskFull(BUILD));
});
