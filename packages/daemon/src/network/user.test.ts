// The network in user mode against the real thing: namespaces, pasta, nft. See lab/ for what stands in for the internet.
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { identifyProcess, poll, run, signalProcess } from "@banger/host";
import { tapName } from "./addresses.ts";
import { macOfAddress, type VmNetwork } from "./contract.ts";
import { findMarked, markerOf } from "./detached.ts";
import { farAddress, hostAddress, Lab, labObstacle, labRunAs, metadataAddress, outsideAddress, servicePort } from "./lab/lab.ts";
import type { LabDaemon } from "./lab/lab-daemon.ts";
import { pastaHasDnsHost } from "./pasta.ts";
import { locatePrograms } from "./programs.ts";
import { readRecord } from "./record.ts";

const skip = await labObstacle();
const deadline = { timeoutMs: 15_000, intervalMs: 50 };

function vm(vmId: string, host: number, egress: "full" | "none" = "full"): VmNetwork {
  const address = `172.16.0.${host}`;
  return { vmId, address, mac: macOfAddress(address), egress };
}
const alpha = vm("alpha", 2);
const beta = vm("beta", 3);

interface Stage {
  readonly lab: Lab;
  readonly daemon: LabDaemon;
}

/** A lab with a daemon that is ready to attach. */
function scenario(name: string, body: (stage: Stage, context: TestContext) => Promise<void>): void {
  test(name, { skip, timeout: 120_000 }, async (context) => {
    await using lab = await Lab.make();
    const daemon = await lab.daemon();
    await daemon.call("reconcile", []);
    await body({ lab, daemon }, context);
  });
}

async function anchorOf({ daemon }: Stage, ...vms: readonly VmNetwork[]): Promise<number> {
  const attachments = await Promise.all(vms.map((each) => daemon.call("attach", each)));
  const anchors = new Set(attachments.map(({ namespace }) => namespace?.anchorPid));
  assert.equal(anchors.size, 1, "all share one namespace");
  return attachments[0]?.namespace?.anchorPid ?? assert.fail("no namespace");
}

const within = (lab: Lab, pid: number) => (argv: readonly string[]) => lab.inNamespace(pid, argv);
const tcp = (lab: Lab, pid: number, address: string, source = "") => lab.probe(within(lab, pid), "tcp", address, String(servicePort), ...(source === "" ? [] : [source]));
const greeting = (address: string) => `hello from ${address}`;
const blocked = (answer: string) => /^(TIMEOUT|E[A-Z]+)$/.test(answer);

async function pastaTakesDnsHost(): Promise<boolean> {
  const { found } = await locatePrograms(process.env["PATH"] ?? "");
  return found.pasta !== undefined && (await pastaHasDnsHost(found.pasta));
}

async function marked(lab: Lab): Promise<number> {
  // The lab's processes belong to the unprivileged user; in an ordinary user's lab that is the user.
  return (await findMarked(markerOf(lab.directory), labRunAs?.uid ?? process.getuid?.() ?? -1)).length;
}

scenario("guests reach the outside, at the same time, and much data arrives whole", async (stage) => {
  const { lab } = stage;
  await lab.serve("tcp", farAddress, (argv) => lab.inOutside(argv));
  const anchor = await anchorOf(stage, alpha, beta);
  const guests = [await lab.guest(anchor, alpha), await lab.guest(anchor, beta)];
  for (const guest of guests) assert.equal(await tcp(lab, guest, farAddress), greeting(farAddress));
  const bytes = String(8 * 1024 * 1024);
  const echoed = await Promise.all(guests.map((guest) => lab.probe(within(lab, guest), "bulk", farAddress, String(servicePort), bytes)));
  assert.deepEqual(echoed, [bytes, bytes]);
});

const repeatsHalfClosed = skip === false && !(await pastaTakesDnsHost()) ? "pasta from before 2024-11: that of 2023-03-09 repeats data to a guest that has ended its side" : false;

test("a guest that ends its side still receives the answer, once", { skip: skip === false ? repeatsHalfClosed : skip, timeout: 120_000 }, async () => {
  await using lab = await Lab.make();
  const daemon = await lab.daemon();
  await daemon.call("reconcile", []);
  await lab.serve("tcp", farAddress, (argv) => lab.inOutside(argv));
  const guest = await lab.guest(await anchorOf({ lab, daemon }, alpha), alpha);
  assert.equal(await lab.probe(within(lab, guest), "half-close", farAddress, String(servicePort), "100000"), "100000");
});

scenario("nothing of the host is reachable: loopback, own addresses, the metadata service, pasta's gateway", async (stage) => {
  const { lab } = stage;
  await lab.serve("tcp", "127.0.0.1", (argv) => lab.inHost(argv));
  await lab.serve("tcp", hostAddress, (argv) => lab.inHost(argv));
  await lab.serve("tcp", metadataAddress, (argv) => lab.inOutside(argv));
  const fromHost = (address: string) => lab.probe((argv) => lab.inHost(argv), "tcp", address, String(servicePort));
  for (const address of ["127.0.0.1", hostAddress, metadataAddress]) assert.equal(await fromHost(address), greeting(address), "the service is there");

  const anchor = await anchorOf(stage, alpha);
  const guest = await lab.guest(anchor, alpha);
  await lab.ip(guest, ["route add 127.0.0.2 via 172.16.0.1"]);
  for (const address of ["127.0.0.1", "127.0.0.2", hostAddress, metadataAddress, "169.254.2.1", "169.254.2.2", "169.254.1.1", "172.16.0.1"]) {
    const answer = await tcp(lab, guest, address);
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
  assert.ok(blocked(await tcp(lab, guest, "10.77.0.1")));
  assert.match(await lab.output(anchor, ["nft", "list", "set", "inet", "banger", "host_addresses"]), /10\.77\.0\.1/);
});

scenario("guests do not reach each other, neither on the bridge nor by way of the gateway", async (stage) => {
  const { lab } = stage;
  const anchor = await anchorOf(stage, alpha, beta);
  const [one, other] = [await lab.guest(anchor, alpha), await lab.guest(anchor, beta)];
  await lab.serve("tcp", beta.address, (argv) => lab.inNamespace(other, argv));
  assert.equal(await tcp(lab, anchor, beta.address), greeting(beta.address), "the service is there");
  assert.ok(blocked(await tcp(lab, one, beta.address)), "by the bridge");
  await lab.ip(one, [`route add ${beta.address} via 172.16.0.1`]);
  assert.ok(blocked(await tcp(lab, one, beta.address)), "by the gateway");
  const otherMac = `neighbour replace ${beta.address} lladdr ${beta.mac} dev eth0 nud permanent`;
  await lab.ip(one, [`route delete ${beta.address}`, otherMac]);
  assert.ok(blocked(await tcp(lab, one, beta.address)), "with the neighbour's MAC known");
});

scenario("a guest speaks only with its own address and MAC", async (stage) => {
  const { lab } = stage;
  await lab.serve("tcp", farAddress, (argv) => lab.inOutside(argv));
  const anchor = await anchorOf(stage, alpha, beta);
  const guest = await lab.guest(anchor, alpha);
  const bridgeMac = /link\/ether (\S+)/.exec(await lab.output(anchor, ["ip", "link", "show", "br-fc"]))?.[1] ?? assert.fail();
  // An answer to another's address would not come back here anyway: what counts is that nothing got past the bridge.
  for (const rule of ["add table inet spy", "add chain inet spy seen { type filter hook prerouting priority -500; }", `add rule inet spy seen iifname "br-fc" ip saddr != ${alpha.address} counter`, `add rule inet spy seen iifname "br-fc" ether saddr != ${alpha.mac} counter`]) {
    await lab.output(anchor, ["nft", rule]);
  }
  // The gateway's MAC is given, so that it is the IPv4 packets that are judged, and not the ARP before them.
  await lab.ip(guest, [`neighbour replace 172.16.0.1 lladdr ${bridgeMac} dev eth0 nud permanent`, `address add ${beta.address}/24 dev eth0`, "address add 172.16.0.77/24 dev eth0"]);
  assert.equal(await tcp(lab, guest, farAddress, alpha.address), greeting(farAddress));
  assert.equal(await tcp(lab, guest, farAddress, beta.address), "TIMEOUT", "another VM's address");
  assert.equal(await tcp(lab, guest, farAddress, "172.16.0.77"), "TIMEOUT", "an address of nobody");

  await lab.ip(guest, ["address flush dev eth0", "neighbour flush dev eth0 nud permanent", `address add ${beta.address}/24 dev eth0`]);
  assert.ok(blocked(await tcp(lab, guest, "172.16.0.1", beta.address)));
  assert.doesNotMatch(await lab.output(anchor, ["ip", "neighbour", "show", beta.address, "dev", "br-fc"]), /lladdr/, "no ARP word in another's name");

  await lab.ip(guest, ["address flush dev eth0", `link set eth0 address ${beta.mac}`, `address add ${alpha.address}/24 dev eth0`, "route replace default via 172.16.0.1"]);
  await lab.ip(guest, [`neighbour replace 172.16.0.1 lladdr ${bridgeMac} dev eth0 nud permanent`]);
  assert.equal(await tcp(lab, guest, farAddress), "TIMEOUT", "another's MAC");
  assert.doesNotMatch(await lab.output(anchor, ["bridge", "fdb", "show", "br", "br-fc"]), new RegExp(`${beta.mac} dev ${tapName("alpha")}`), "the bridge learned nothing");
  const spied = await lab.output(anchor, ["nft", "list", "table", "inet", "spy"]);
  assert.equal(spied.match(/counter packets 0 bytes 0/g)?.length, 2, spied);
  await lab.ip(guest, [`link set eth0 address ${alpha.mac}`]);
  await lab.ip(guest, ["route replace default via 172.16.0.1"]);
  assert.equal(await tcp(lab, guest, farAddress), greeting(farAddress), "itself again");
});

scenario("IPv6 does not leave a guest", async (stage) => {
  const { lab } = stage;
  const anchor = await anchorOf(stage, alpha);
  const guest = await lab.guest(anchor, alpha);
  const linkLocal = /inet6 (fe80\S+)\//.exec(await lab.output(anchor, ["ip", "-6", "address", "show", "dev", "br-fc"]))?.[1];
  if (linkLocal === undefined) return;
  await lab.serve("tcp", "::", (argv) => lab.inNamespace(anchor, argv));
  assert.ok(blocked(await lab.probe(within(lab, guest), "tcp", `${linkLocal}%eth0`, String(servicePort))));
});

scenario("without egress there is neither the outside nor a resolver", async (stage) => {
  const { lab } = stage;
  const silent = vm("silent", 9, "none");
  await lab.serve("tcp", farAddress, (argv) => lab.inOutside(argv));
  await lab.serve("dns", outsideAddress, (argv) => lab.inOutside(argv));
  const guest = await lab.guest(await anchorOf(stage, silent, alpha), silent);
  assert.equal(await tcp(lab, guest, farAddress), "EHOSTUNREACH", "refused at once, not left waiting");
  for (const protocol of ["udp", "tcp"]) assert.ok(blocked(await lab.probe(within(lab, guest), "dns", protocol, "172.16.0.1")), protocol);
});

scenario("names are resolved at the gateway over UDP and TCP, and a new resolver of the host is taken up", async (stage) => {
  const { lab, daemon } = stage;
  await lab.serve("dns", outsideAddress, (argv) => lab.inOutside(argv));
  await lab.serve("dns", farAddress, (argv) => lab.inOutside(argv));
  const anchor = await anchorOf(stage, alpha);
  const guest = await lab.guest(anchor, alpha);
  const names = async () => [await lab.probe(within(lab, guest), "dns", "udp", "172.16.0.1"), await lab.probe(within(lab, guest), "dns", "tcp", "172.16.0.1")];
  assert.deepEqual(await names(), ["192.0.2.99", "192.0.2.99"]);
  const record = await readRecord(join(lab.directory, "network.json"));
  await writeFile(lab.resolvConf, `nameserver ${farAddress}\n`);
  const told = await poll(() => daemon.facts.find((fact) => fact.kind === "host.changed"), deadline);
  assert.equal(told?.kind === "host.changed" && told.resolver, farAddress);
  assert.deepEqual(await names(), ["192.0.2.99", "192.0.2.99"]);
  assert.match(await lab.output(anchor, ["nft", "list", "chain", "inet", "banger", "prerouting"]), new RegExp(`dnat ip to ${farAddress.replaceAll(".", "\\.")}`));
  assert.deepEqual((await readRecord(join(lab.directory, "network.json")))?.pasta, record?.pasta, "connections were not cut for it");
});

scenario("a dead first resolver is passed over", async (stage) => {
  const { lab } = stage;
  await lab.serve("dns", farAddress, (argv) => lab.inOutside(argv));
  await writeFile(lab.resolvConf, `nameserver ${outsideAddress}\nnameserver ${farAddress}\n`);
  const guest = await lab.guest(await anchorOf(stage, alpha), alpha);
  assert.equal(await lab.probe(within(lab, guest), "dns", "udp", "172.16.0.1"), "192.0.2.99");
});

scenario("a resolver on the host's loopback serves guests, the rest of the loopback stays closed", async (stage) => {
  const { lab } = stage;
  await lab.serve("dns", "127.0.0.53", (argv) => lab.inHost(argv));
  await lab.serve("dns", outsideAddress, (argv) => lab.inOutside(argv));
  await lab.serve("tcp", "127.0.0.53", (argv) => lab.inHost(argv));
  await writeFile(lab.resolvConf, "nameserver 127.0.0.53\n");
  await writeFile(lab.upstreamConf, `nameserver ${outsideAddress}\n`);
  const guest = await lab.guest(await anchorOf(stage, alpha), alpha);
  for (const protocol of ["udp", "tcp"]) assert.equal(await lab.probe(within(lab, guest), "dns", protocol, "172.16.0.1"), "192.0.2.99", protocol);
  for (const address of ["169.254.1.1", "172.16.0.1"]) assert.ok(blocked(await tcp(lab, guest, address)), address);
});

scenario("a host without a resolver, then with one on its loopback: pasta is started anew for it", async (stage) => {
  const { lab, daemon } = stage;
  await lab.serve("dns", "127.0.0.53", (argv) => lab.inHost(argv));
  await writeFile(lab.resolvConf, "");
  const guest = await lab.guest(await anchorOf(stage, alpha), alpha);
  const lookUp = () => lab.probe(within(lab, guest), "dns", "udp", "172.16.0.1");
  assert.equal(await lookUp(), "ECONNREFUSED", "said at once");
  await writeFile(lab.resolvConf, "nameserver 127.0.0.53\n");
  assert.ok(await poll(() => daemon.facts.find(({ kind }) => kind === "host.changed"), deadline));
  assert.equal(await lookUp(), "192.0.2.99");
});

scenario("pasta that is killed is started again and the outside comes back", async (stage) => {
  const { lab, daemon } = stage;
  await lab.serve("tcp", farAddress, (argv) => lab.inOutside(argv));
  const guest = await lab.guest(await anchorOf(stage, alpha), alpha);
  const recordFile = join(lab.directory, "network.json");
  for (const round of [1, 2]) {
    const pasta = (await readRecord(recordFile))?.pasta?.process ?? assert.fail("no pasta");
    assert.ok(signalProcess(pasta, "SIGKILL"));
    const respawned = () => daemon.facts.filter(({ kind }) => kind === "uplink.respawned").length;
    assert.ok(await poll(() => (respawned() === round ? true : undefined), deadline), `round ${round}`);
    assert.equal(await tcp(lab, guest, farAddress), greeting(farAddress));
  }
  assert.equal(await marked(lab), 2, "one anchor, one pasta");
});

scenario("a host that is offline gives a network that finds its way out later", async (stage) => {
  const { lab, daemon } = stage;
  await lab.serve("tcp", farAddress, (argv) => lab.inOutside(argv));
  await run(lab.inHost(["ip", "route", "delete", "default"]));
  const guest = await lab.guest(await anchorOf(stage, alpha), alpha);
  assert.ok(daemon.facts.some(({ kind }) => kind === "uplink.failed"));
  assert.ok(blocked(await tcp(lab, guest, farAddress)));
  await run(lab.inHost(["ip", "route", "add", "default", "via", outsideAddress]));
  assert.ok(await poll(() => daemon.facts.find(({ kind }) => kind === "uplink.respawned"), { ...deadline, timeoutMs: 40_000 }));
  assert.equal(await tcp(lab, guest, farAddress), greeting(farAddress));
});

scenario("kill -9 of the daemon: the guests stay connected, the next daemon takes all up and clears what is nobody's", async (stage) => {
  const { lab, daemon } = stage;
  await lab.serve("tcp", farAddress, (argv) => lab.inOutside(argv));
  const gone = vm("gone", 4);
  const anchor = await anchorOf(stage, alpha, beta, gone);
  const guest = await lab.guest(anchor, alpha);
  await daemon.kill();
  assert.equal(await tcp(lab, guest, farAddress), greeting(farAddress), "while no daemon runs");
  await lab.ip(anchor, [`link delete ${tapName("beta")}`]);

  const next = await lab.daemon();
  assert.deepEqual(await next.call("reconcile", [alpha, beta]), { lost: ["beta"] });
  const links = await lab.output(anchor, ["ip", "-br", "link"]);
  assert.ok(links.includes(tapName("alpha")) && !links.includes(tapName("gone")), links);
  assert.doesNotMatch(await lab.output(anchor, ["nft", "list", "ruleset"]), /172\.16\.0\.[34]\b/);
  assert.equal(await tcp(lab, guest, farAddress), greeting(farAddress));
  const again = await next.call("attach", alpha);
  assert.equal(again.namespace?.anchorPid, anchor, "and goes on with it");
  assert.equal(await marked(lab), 2);

  const pasta = (await readRecord(join(lab.directory, "network.json")))?.pasta?.process ?? assert.fail("no pasta");
  signalProcess(pasta, "SIGKILL");
  assert.ok(await poll(() => next.facts.find(({ kind }) => kind === "uplink.respawned"), deadline), "it looks after what it did not start");
});

scenario("processes whose start was never recorded are ended by the next daemon", async (stage) => {
  const { lab, daemon } = stage;
  await anchorOf(stage, alpha);
  await daemon.kill();
  await rm(join(lab.directory, "network.json"));
  assert.equal(await marked(lab), 2);
  const next = await lab.daemon();
  assert.deepEqual(await next.call("reconcile", [alpha]), { lost: ["alpha"] });
  assert.equal(await marked(lab), 0);
  assert.ok(await next.call("attach", alpha));
});

scenario("the death of the anchor is told, and attaching again makes a new network", async (stage) => {
  const { lab, daemon } = stage;
  await lab.serve("tcp", farAddress, (argv) => lab.inOutside(argv));
  const anchor = await anchorOf(stage, alpha, beta);
  signalProcess(identifyProcess(anchor) ?? assert.fail(), "SIGKILL");
  const lost = await poll(() => daemon.lost[0], deadline);
  assert.deepEqual(lost?.toSorted(), ["alpha", "beta"]);
  assert.equal(await marked(lab), 0, "pasta went with it");
  const renewed = await anchorOf(stage, alpha);
  assert.notEqual(renewed, anchor);
  assert.equal(await tcp(lab, await lab.guest(renewed, alpha), farAddress), greeting(farAddress));
});

scenario("a guest does not notice others come and go: the gateway keeps its MAC", async (stage) => {
  const { lab, daemon } = stage;
  await lab.serve("tcp", farAddress, (argv) => lab.inOutside(argv));
  const others = Array.from({ length: 4 }, (_, index) => vm(`other${index}`, 20 + index));
  const anchor = await anchorOf(stage, alpha, ...others);
  const guest = await lab.guest(anchor, alpha);
  const gatewayMac = async () => /link\/ether (\S+)/.exec(await lab.output(anchor, ["ip", "link", "show", "br-fc"]))?.[1];
  assert.equal(await gatewayMac(), macOfAddress("172.16.0.1"));
  for (const { vmId } of others) {
    assert.equal(await tcp(lab, guest, farAddress), greeting(farAddress));
    await daemon.call("detach", vmId);
    assert.equal(await gatewayMac(), macOfAddress("172.16.0.1"));
  }
  assert.equal(await tcp(lab, guest, farAddress), greeting(farAddress));
});

scenario("taps are isolated, owned by the unprivileged user, and many at once are attached safely", async (stage) => {
  const { lab, daemon } = stage;
  const vms = Array.from({ length: 8 }, (_, index) => vm(`vm${index}`, 10 + index));
  const anchor = await anchorOf(stage, ...vms);
  const details = JSON.parse(await lab.output(anchor, ["ip", "-json", "-details", "link"])) as readonly {
    readonly ifname: string;
    readonly master?: string;
    readonly linkinfo?: { readonly info_kind?: string; readonly info_data?: { readonly user?: string }; readonly info_slave_data?: { readonly isolated?: boolean } };
  }[];
  for (const { vmId } of vms) {
    const link = details.find(({ ifname }) => ifname === tapName(vmId));
    assert.equal(link?.master, "br-fc");
    assert.equal(link.linkinfo?.info_kind, "tun");
    assert.equal(link.linkinfo?.info_slave_data?.isolated, true);
    assert.match(String(link.linkinfo?.info_data?.user), /^(root|0)$/);
  }
  assert.equal(await marked(lab), 2);
  await Promise.all(vms.slice(1).map(({ vmId }) => daemon.call("detach", vmId)));
  const links = await lab.output(anchor, ["ip", "-br", "link"]);
  assert.equal(links.match(/^fc-/gm)?.length, 1);
  const ruleset = await lab.output(anchor, ["nft", "list", "ruleset"]);
  assert.ok(ruleset.includes("172.16.0.10") && !ruleset.includes("172.16.0.11"));
});

scenario("detaching and releasing are idempotent, and nothing is left", async (stage) => {
  const { lab, daemon } = stage;
  await daemon.call("detach", "never-attached");
  await anchorOf(stage, alpha);
  await daemon.call("detach", "alpha");
  await daemon.call("detach", "alpha");
  await daemon.call("release");
  await daemon.call("release");
  assert.equal(await marked(lab), 0);
  await assert.rejects(readFile(join(lab.directory, "network.json")), { code: "ENOENT" });
  assert.ok(await daemon.call("attach", alpha), "and it can begin anew");
});

scenario("an attach that is given up leaves nothing behind", async (stage) => {
  const { lab, daemon } = stage;
  const attached = await daemon.call("attachAborted", alpha).then(() => true, () => false);
  if (attached) await daemon.call("release");
  assert.ok(await poll(async () => ((await marked(lab)) === 0 ? true : undefined), deadline));
  assert.ok(await daemon.call("attach", alpha));
});
