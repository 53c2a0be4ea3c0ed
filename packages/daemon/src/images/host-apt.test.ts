import assert from "node:assert/strict";
import { test } from "node:test";
import { hostAptOptions, hostSources } from "./host-apt.ts";

const recipe = { suite: "bookworm", components: ["main"] };
const KEY = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";

test("a host's own mirror is taken, in both styles, pinned to Debian's keys", () => {
  const list = `# Debian
deb [arch=amd64 trusted=yes] http://mirror.example/debian/ bookworm main contrib # comment
deb-src http://mirror.example/debian/ bookworm main
deb http://mirror.example/debian-security bookworm-security main
`;
  assert.deepEqual(hostSources([{ name: "sources.list", text: list }], recipe), [
    `deb ${KEY} http://mirror.example/debian/ bookworm main`,
    `deb ${KEY} http://mirror.example/debian-security bookworm-security main`,
  ]);
  const stanzas = `Types: deb deb-src
# a comment
URIs: https://mirror.example/debian
Suites: bookworm
 bookworm-updates
Components: main
Trusted: yes

Types: deb
URIs: https://mirror.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: https://other.example/debian
Suites: bookworm
Components: main
`;
  assert.deepEqual(hostSources([{ name: "debian.sources", text: stanzas }], recipe), [
    `deb ${KEY} https://mirror.example/debian bookworm main`,
    `deb ${KEY} https://mirror.example/debian bookworm-updates main`,
    `deb ${KEY} https://mirror.example/debian-security bookworm-security main`,
  ]);
});

test("third parties' archives, other suites and odd schemes are left alone", () => {
  const others = `deb https://download.example/linux/debian bookworm stable
deb https://apt.example/repos bookworm main
deb cdrom:[Debian]/debian bookworm main
deb http://mirror.example/debian trixie main
deb http://mirror.example/debian-security bookworm-security main
`;
  assert.deepEqual(hostSources([{ name: "x.list", text: others }], recipe), []);
});

test("a host without security updates is not followed", () => {
  assert.deepEqual(hostSources([{ name: "sources.list", text: "deb http://mirror.example/debian bookworm main\n" }], recipe), []);
});

test("proxies and the host's dealing with dates are passed on, nothing that weakens signatures", () => {
  const dump = `APT "";
Acquire "";
Acquire::http "";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::https::Proxy::mirror.example "DIRECT";
Acquire::Check-Valid-Until "false";
Acquire::AllowInsecureRepositories "1";
APT::Get::AllowUnauthenticated "true";
DPkg::Pre-Invoke:: "reboot";
`;
  assert.deepEqual(hostAptOptions(dump), [
    'Acquire::http::Proxy "http://proxy.example:3128";',
    'Acquire::https::Proxy::mirror.example "DIRECT";',
    'Acquire::Check-Valid-Until "false";',
  ]);
});
