// How names get to the guests in user mode, whatever the resolver of the host is.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { poll, run } from "@banger/host";
import { farAddress, Lab, outsideAddress } from "./lab/lab.ts";
import { alpha, anchorOf, blocked, deadline, scenario, tcp, within } from "./lab/stage.ts";
import { readRecord } from "./record.ts";

scenario("names are resolved at the gateway over UDP and TCP, and a new resolver of the host is taken up", async (stage) => {
  const { lab, daemon } = stage;
  await lab.serve("dns", outsideAddress, (argv) => lab.inOutside(argv));
  await lab.serve("dns", farAddress, (argv) => lab.inOutside(argv));
  const anchor = await anchorOf(stage, alpha);
  const guest = await lab.guest(anchor, alpha);
  const names = async () => [
    await Lab.probe(within(lab, guest), "dns", "udp", "172.16.0.1"),
    await Lab.probe(within(lab, guest), "dns", "tcp", "172.16.0.1"),
  ];
  assert.deepEqual(await names(), ["192.0.2.99", "192.0.2.99"]);
  const record = await readRecord(join(lab.directory, "network.json"));
  await writeFile(lab.resolvConf, `nameserver ${farAddress}\n`);
  const told = await poll(() => daemon.facts.find((fact) => fact.kind === "host.changed"), deadline);
  assert.equal(told?.kind === "host.changed" && told.resolver, farAddress);
  assert.deepEqual(await names(), ["192.0.2.99", "192.0.2.99"]);
  assert.match(
    await lab.output(anchor, ["nft", "list", "chain", "inet", "banger", "prerouting"]),
    new RegExp(`dnat ip to ${farAddress.replaceAll(".", "\\.")}`),
  );
  assert.deepEqual((await readRecord(join(lab.directory, "network.json")))?.pasta, record?.pasta, "connections were not cut for it");
});

scenario("a dead first resolver is passed over", async (stage) => {
  const { lab } = stage;
  await lab.serve("dns", farAddress, (argv) => lab.inOutside(argv));
  await writeFile(lab.resolvConf, `nameserver ${outsideAddress}\nnameserver ${farAddress}\n`);
  const guest = await lab.guest(await anchorOf(stage, alpha), alpha);
  assert.equal(await Lab.probe(within(lab, guest), "dns", "udp", "172.16.0.1"), "192.0.2.99");
});

scenario("a resolver on the host's loopback serves guests, the rest of the loopback stays closed", async (stage) => {
  const { lab } = stage;
  await lab.serve("dns", "127.0.0.53", (argv) => lab.inHost(argv));
  await lab.serve("dns", outsideAddress, (argv) => lab.inOutside(argv));
  await lab.serve("tcp", "127.0.0.53", (argv) => lab.inHost(argv));
  await writeFile(lab.resolvConf, "nameserver 127.0.0.53\n");
  await writeFile(lab.upstreamConf, `nameserver ${outsideAddress}\n`);
  const guest = await lab.guest(await anchorOf(stage, alpha), alpha);
  for (const protocol of ["udp", "tcp"])
    assert.equal(await Lab.probe(within(lab, guest), "dns", protocol, "172.16.0.1"), "192.0.2.99", protocol);
  for (const address of ["169.254.1.1", "172.16.0.1"]) assert.ok(blocked(await tcp(within(lab, guest), address)), address);
});

scenario("a host without a resolver, then with one on its loopback: pasta is started anew for it", async (stage) => {
  const { lab, daemon } = stage;
  await lab.serve("dns", "127.0.0.53", (argv) => lab.inHost(argv));
  await writeFile(lab.resolvConf, "");
  const guest = await lab.guest(await anchorOf(stage, alpha), alpha);
  const lookUp = () => Lab.probe(within(lab, guest), "dns", "udp", "172.16.0.1");
  assert.equal(await lookUp(), "ECONNREFUSED", "said at once");
  await writeFile(lab.resolvConf, "nameserver 127.0.0.53\n");
  assert.ok(await poll(() => daemon.facts.find(({ kind }) => kind === "host.changed"), deadline));
  assert.equal(await lookUp(), "192.0.2.99");
});

scenario("rules for a new resolver that could not be written are written later", async (stage) => {
  const { lab, daemon } = stage;
  await lab.serve("dns", farAddress, (argv) => lab.inOutside(argv));
  const guest = await lab.guest(await anchorOf(stage, alpha), alpha);
  const [nft = ""] = (await run(lab.inHost(["sh", "-c", "command -v nft"]))).stdout.split("\n");
  await run(lab.inHost(["mount", "--bind", "/bin/false", nft]));
  await writeFile(lab.resolvConf, `nameserver ${farAddress}\n`);
  assert.ok(await poll(() => daemon.facts.find((fact) => fact.kind === "failed"), deadline));
  await run(lab.inHost(["umount", nft]));
  assert.ok(await poll(() => daemon.facts.find(({ kind }) => kind === "host.changed"), deadline));
  assert.equal(await Lab.probe(within(lab, guest), "dns", "udp", "172.16.0.1"), "192.0.2.99");
});
