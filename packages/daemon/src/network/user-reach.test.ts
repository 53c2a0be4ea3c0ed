// What a guest reaches in user mode and what not, against the real thing: namespaces, pasta, nft, a tap held by QEMU.
import assert from "node:assert/strict";
import { join } from "node:path";
import { poll, run } from "@banger/host";
import { tapName } from "./addresses.ts";
import { farAddress, hostAddress, Lab, metadataAddress, outsideAddress, servicePort } from "./lab/lab.ts";
import { alpha, anchorOf, beta, blocked, deadline, findOnPath, greeting, obstacle, scenario, tcp, vm, within } from "./lab/stage.ts";
import { findPastaVersion, halfCloseFixed, repeatsHalfClosed } from "./pasta-version.ts";

scenario("guests reach the outside, at the same time, and much data arrives whole", async (stage) => {
  const { lab } = stage;
  await lab.serve("tcp", farAddress, (argv) => lab.inOutside(argv));
  const anchor = await anchorOf(stage, alpha, beta);
  const guests = [await lab.guest(anchor, alpha), await lab.guest(anchor, beta)];
  for (const guest of guests) assert.equal(await tcp(within(lab, guest), farAddress), greeting(farAddress));
  const bytes = String(16 * 1024 * 1024);
  const echoed = await Promise.all(guests.map((guest) => Lab.probe(within(lab, guest), "bulk", farAddress, String(servicePort), bytes)));
  assert.deepEqual(echoed, [bytes, bytes]);
});

const pasta = obstacle === false ? await findPastaVersion(process.env["PATH"] ?? "") : null;
const tooOld =
  pasta !== null && repeatsHalfClosed(pasta) ? `this pasta is from before ${halfCloseFixed} and repeats data to such a guest` : false;

scenario(
  "a guest that ends its side still receives the answer, once",
  async (stage) => {
    const { lab } = stage;
    await lab.serve("tcp", farAddress, (argv) => lab.inOutside(argv));
    const guest = await lab.guest(await anchorOf(stage, alpha), alpha);
    assert.equal(await Lab.probe(within(lab, guest), "half-close", farAddress, String(servicePort), "100000"), "100000");
  },
  tooOld,
);

scenario("nothing of the host is reachable: loopback, own addresses, the metadata service, pasta's gateway", async (stage) => {
  const { lab } = stage;
  await lab.serve("tcp", "127.0.0.1", (argv) => lab.inHost(argv));
  await lab.serve("tcp", hostAddress, (argv) => lab.inHost(argv));
  await lab.serve("tcp", metadataAddress, (argv) => lab.inOutside(argv));
  const fromHost = (address: string) => Lab.probe((argv) => lab.inHost(argv), "tcp", address, String(servicePort));
  for (const address of ["127.0.0.1", hostAddress, metadataAddress])
    assert.equal(await fromHost(address), greeting(address), "the service is there");

  const anchor = await anchorOf(stage, alpha);
  const guest = await lab.guest(anchor, alpha);
  await lab.ip(guest, ["route add 127.0.0.2 via 172.16.0.1"]);
  for (const address of [
    "127.0.0.1",
    "127.0.0.2",
    hostAddress,
    metadataAddress,
    "169.254.2.1",
    "169.254.2.2",
    "169.254.1.1",
    "172.16.0.1",
  ]) {
    const answer = await tcp(within(lab, guest), address);
    assert.ok(blocked(answer), `${address}: ${answer}`);
  }
});

scenario("an address the host gets later is closed too", async (stage) => {
  const { lab, daemon } = stage;
  const anchor = await anchorOf(stage, alpha);
  const guest = await lab.guest(anchor, alpha);
  await lab.serve("tcp", "0.0.0.0", (argv) => lab.inHost(argv));
  // Without a carrier, as an idle container bridge is: no list of running interfaces shows it.
  await run(lab.inHost(["ip", "link", "add", "docker9", "type", "bridge"]));
  await run(lab.inHost(["ip", "address", "add", "10.77.0.1/24", "dev", "docker9"]));
  await run(lab.inHost(["ip", "link", "set", "docker9", "up"]));
  const told = await poll(() => (daemon.facts.some(({ kind }) => kind === "host.changed") ? true : undefined), deadline);
  assert.ok(told, "the daemon saw the new address");
  assert.ok(blocked(await tcp(within(lab, guest), "10.77.0.1")));
  assert.match(await lab.output(anchor, ["nft", "list", "set", "inet", "banger", "host_addresses"]), /10\.77\.0\.1/);
});

scenario("guests do not reach each other, neither on the bridge nor by way of the gateway", async (stage) => {
  const { lab } = stage;
  const anchor = await anchorOf(stage, alpha, beta);
  const [one, other] = [await lab.guest(anchor, alpha), await lab.guest(anchor, beta)];
  await lab.serve("tcp", beta.address, (argv) => lab.inNamespace(other, argv));
  assert.equal(await tcp(within(lab, anchor), beta.address), greeting(beta.address), "the service is there");
  assert.ok(blocked(await tcp(within(lab, one), beta.address)), "by the bridge");
  await lab.ip(one, [`route add ${beta.address} via 172.16.0.1`]);
  assert.ok(blocked(await tcp(within(lab, one), beta.address)), "by the gateway");
  const otherMac = `neighbour replace ${beta.address} lladdr ${beta.mac} dev eth0 nud permanent`;
  await lab.ip(one, [`route delete ${beta.address}`, otherMac]);
  assert.ok(blocked(await tcp(within(lab, one), beta.address)), "with the neighbour's MAC known");
});

scenario("a guest speaks only with its own address and MAC", async (stage) => {
  const { lab } = stage;
  await lab.serve("tcp", farAddress, (argv) => lab.inOutside(argv));
  const anchor = await anchorOf(stage, alpha, beta);
  const guest = await lab.guest(anchor, alpha);
  const bridgeMac = /link\/ether (\S+)/.exec(await lab.output(anchor, ["ip", "link", "show", "br-fc"]))?.[1] ?? assert.fail();
  // An answer to another's address would not come back here anyway: what counts is that nothing got past the bridge.
  for (const rule of [
    "add table inet spy",
    "add chain inet spy seen { type filter hook prerouting priority -500; }",
    `add rule inet spy seen iifname "br-fc" ip saddr != ${alpha.address} counter`,
    `add rule inet spy seen iifname "br-fc" ether saddr != ${alpha.mac} counter`,
  ]) {
    await lab.output(anchor, ["nft", rule]);
  }
  // The gateway's MAC is given, so that it is the IPv4 packets that are judged, and not the ARP before them.
  await lab.ip(guest, [
    `neighbour replace 172.16.0.1 lladdr ${bridgeMac} dev eth0 nud permanent`,
    `address add ${beta.address}/24 dev eth0`,
    "address add 172.16.0.77/24 dev eth0",
  ]);
  assert.equal(await tcp(within(lab, guest), farAddress, alpha.address), greeting(farAddress));
  assert.equal(await tcp(within(lab, guest), farAddress, beta.address), "TIMEOUT", "another VM's address");
  assert.equal(await tcp(within(lab, guest), farAddress, "172.16.0.77"), "TIMEOUT", "an address of nobody");

  await lab.ip(guest, ["address flush dev eth0", "neighbour flush dev eth0 nud permanent", `address add ${beta.address}/24 dev eth0`]);
  assert.ok(blocked(await tcp(within(lab, guest), "172.16.0.1", beta.address)));
  assert.doesNotMatch(
    await lab.output(anchor, ["ip", "neighbour", "show", beta.address, "dev", "br-fc"]),
    /lladdr/,
    "no ARP word in another's name",
  );

  await lab.ip(guest, [
    "address flush dev eth0",
    `link set eth0 address ${beta.mac}`,
    `address add ${alpha.address}/24 dev eth0`,
    "route replace default via 172.16.0.1",
  ]);
  await lab.ip(guest, [`neighbour replace 172.16.0.1 lladdr ${bridgeMac} dev eth0 nud permanent`]);
  assert.equal(await tcp(within(lab, guest), farAddress), "TIMEOUT", "another's MAC");
  const spied = await lab.output(anchor, ["nft", "list", "table", "inet", "spy"]);
  assert.equal(spied.match(/counter packets 0 bytes 0/g)?.length, 2, spied);
  assert.doesNotMatch(
    await lab.output(anchor, ["bridge", "fdb", "show", "br", "br-fc"]),
    new RegExp(`${beta.mac} dev ${tapName("alpha")}`),
    "the bridge learned nothing",
  );
  await lab.ip(guest, [`link set eth0 address ${alpha.mac}`]);
  await lab.ip(guest, ["route replace default via 172.16.0.1"]);
  assert.equal(await tcp(within(lab, guest), farAddress), greeting(farAddress), "itself again");
});

const qemu = await findOnPath("qemu-system-x86_64");

scenario(
  "a VMM without capabilities opens its tap, and speaks through it in its own name only",
  async (stage) => {
    const { lab } = stage;
    const anchor = await anchorOf(stage, alpha, beta);
    const main = join(import.meta.dirname, "lab", "frames-main.ts");
    const identities = [
      alpha.mac,
      alpha.address,
      alpha.mac,
      beta.address,
      beta.mac,
      beta.address,
      beta.mac,
      alpha.address,
      alpha.mac,
      alpha.address,
    ];
    const output = await lab.output(anchor, [process.execPath, main, qemu ?? "", tapName("alpha"), "172.16.0.1", ...identities]);
    assert.deepEqual(output.split("\n"), ["answered", "silence", "silence", "silence", "answered"]);
  },
  qemu === undefined ? "no qemu-system-x86_64" : false,
);

scenario("IPv6 does not leave a guest", async (stage) => {
  const { lab } = stage;
  const anchor = await anchorOf(stage, alpha);
  const guest = await lab.guest(anchor, alpha);
  const linkLocal = /inet6 (fe80\S+)\//.exec(await lab.output(anchor, ["ip", "-6", "address", "show", "dev", "br-fc"]))?.[1];
  if (linkLocal === undefined) return;
  await lab.serve("tcp", "::", (argv) => lab.inNamespace(anchor, argv));
  assert.ok(blocked(await Lab.probe(within(lab, guest), "tcp", `${linkLocal}%eth0`, String(servicePort))));
});

scenario("without egress there is neither the outside nor a resolver", async (stage) => {
  const { lab } = stage;
  const silent = vm("silent", 9, "none");
  await lab.serve("tcp", farAddress, (argv) => lab.inOutside(argv));
  await lab.serve("dns", outsideAddress, (argv) => lab.inOutside(argv));
  const guest = await lab.guest(await anchorOf(stage, silent, alpha), silent);
  assert.equal(await tcp(within(lab, guest), farAddress), "EHOSTUNREACH", "refused at once, not left waiting");
  for (const protocol of ["udp", "tcp"]) assert.ok(blocked(await Lab.probe(within(lab, guest), "dns", protocol, "172.16.0.1")), protocol);
});
