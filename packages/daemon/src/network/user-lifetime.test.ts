// What outlives what in user mode: processes killed at bad moments, many guests at once, nothing left at the end.
import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { identifyProcess, poll, run, signalProcess } from "@banger/host";
import { tapName } from "./addresses.ts";
import { macOfAddress, type VmNetwork } from "./contract.ts";
import { farAddress, outsideAddress } from "./lab/lab.ts";
import { alpha, anchorOf, beta, blocked, deadline, greeting, marked, scenario, tcp, vm, within } from "./lab/stage.ts";
import { readRecord } from "./record.ts";

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
    assert.equal(await tcp(within(lab, guest), farAddress), greeting(farAddress));
  }
  assert.equal(await marked(lab), 2, "one anchor, one pasta");
});

scenario("a host that is offline gives a network that finds its way out later", async (stage) => {
  const { lab, daemon } = stage;
  await lab.serve("tcp", farAddress, (argv) => lab.inOutside(argv));
  await run(lab.inHost(["ip", "route", "delete", "default"]));
  const guest = await lab.guest(await anchorOf(stage, alpha), alpha);
  assert.ok(daemon.facts.some(({ kind }) => kind === "uplink.failed"));
  assert.ok(blocked(await tcp(within(lab, guest), farAddress)));
  await run(lab.inHost(["ip", "route", "add", "default", "via", outsideAddress]));
  assert.ok(await poll(() => daemon.facts.find(({ kind }) => kind === "uplink.respawned"), { ...deadline, timeoutMs: 40_000 }));
  assert.equal(await tcp(within(lab, guest), farAddress), greeting(farAddress));
});

scenario("kill -9 of the daemon: the guests stay connected, the next daemon takes all up and clears what is nobody's", async (stage) => {
  const { lab, daemon } = stage;
  await lab.serve("tcp", farAddress, (argv) => lab.inOutside(argv));
  const gone = vm("gone", 4);
  const anchor = await anchorOf(stage, alpha, beta, gone);
  const guest = await lab.guest(anchor, alpha);
  await daemon.kill();
  assert.equal(await tcp(within(lab, guest), farAddress), greeting(farAddress), "while no daemon runs");
  await lab.ip(anchor, [`link delete ${tapName("beta")}`]);

  const next = await lab.daemon();
  assert.deepEqual(await next.call("reconcile", [alpha, beta]), { lost: ["beta"] });
  const links = await lab.output(anchor, ["ip", "-br", "link"]);
  assert.ok(links.includes(tapName("alpha")) && !links.includes(tapName("gone")), links);
  assert.doesNotMatch(await lab.output(anchor, ["nft", "list", "ruleset"]), /172\.16\.0\.[34]\b/);
  assert.equal(await tcp(within(lab, guest), farAddress), greeting(farAddress));
  const again = await next.call("attach", alpha);
  assert.equal(again.namespace?.anchorPid, anchor, "and goes on with it");
  assert.equal(await marked(lab), 2);

  const pasta = (await readRecord(join(lab.directory, "network.json")))?.pasta?.process ?? assert.fail("no pasta");
  signalProcess(pasta, "SIGKILL");
  assert.ok(await poll(() => next.facts.find(({ kind }) => kind === "uplink.respawned"), deadline), "it looks after what it did not start");
});

scenario("a daemon that finds a program or device gone still starts, and takes the guests up once it is back", async (stage) => {
  const { lab, daemon } = stage;
  const anchor = await anchorOf(stage, alpha);
  await daemon.kill();
  await run(lab.inHost(["mount", "-t", "tmpfs", "none", "/dev/net"]));
  const next = await lab.daemon();
  assert.deepEqual(await next.call("reconcile", [alpha]), { lost: [] });
  assert.ok(next.facts.some((fact) => fact.kind === "failed" && fact.during === "reconcile"));
  await run(lab.inHost(["umount", "/dev/net"]));
  assert.equal((await next.call("attach", beta)).namespace?.anchorPid, anchor);
  const ruleset = await lab.output(anchor, ["nft", "list", "ruleset"]);
  assert.ok(ruleset.includes(alpha.address) && ruleset.includes(beta.address));
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
  assert.equal(await tcp(within(lab, await lab.guest(renewed, alpha)), farAddress), greeting(farAddress));
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
    assert.equal(await tcp(within(lab, guest), farAddress), greeting(farAddress));
    await daemon.call("detach", vmId);
    assert.equal(await gatewayMac(), macOfAddress("172.16.0.1"));
  }
  assert.equal(await tcp(within(lab, guest), farAddress), greeting(farAddress));
});

scenario("taps are isolated, owned by the unprivileged user, and many at once are attached safely", async (stage) => {
  const { lab, daemon } = stage;
  const vms = Array.from({ length: 8 }, (_, index) => vm(`vm${index}`, 10 + index));
  const anchor = await anchorOf(stage, ...vms);
  const details = JSON.parse(await lab.output(anchor, ["ip", "-json", "-details", "link"])) as readonly {
    readonly ifname: string;
    readonly master?: string;
    readonly linkinfo?: {
      readonly info_kind?: string;
      readonly info_data?: { readonly user?: string };
      readonly info_slave_data?: { readonly isolated?: boolean };
    };
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

scenario("ends that cross with begins, in many orders: who is attached has its tap, and the last release ends all", async (stage) => {
  const { lab, daemon } = stage;
  const vms = Array.from({ length: 4 }, (_, index) => vm(`vm${index}`, 10 + index));
  for (let round = 0; round < 6; round += 1) {
    // Those of an even turn come while those of the other go; each end asks for a release, as the daemon does.
    const [coming, going] = [0, 1].map((turn) => vms.filter((_, index) => (index + round) % 2 === turn)) as [VmNetwork[], VmNetwork[]];
    await Promise.all([
      ...going.map(async ({ vmId }) => {
        await daemon.call("detach", vmId);
        await daemon.call("release");
      }),
      ...coming.map((each) => daemon.call("attach", each)),
      daemon.call("release"),
    ]);
    assert.equal(await marked(lab), 2, `round ${round}: one anchor, one pasta`);
    const anchor = await anchorOf(stage, ...coming.slice(0, 1));
    const links = await lab.output(anchor, ["ip", "-br", "link"]);
    for (const { vmId } of coming) assert.ok(links.includes(tapName(vmId)), `round ${round}: ${vmId} in ${links}`);
    for (const { vmId } of going) assert.ok(!links.includes(tapName(vmId)), `round ${round}: ${vmId} is gone`);
  }
  await Promise.all(vms.map(({ vmId }) => daemon.call("detach", vmId).then(() => daemon.call("release"))));
  assert.equal(await marked(lab), 0);
});

scenario("a release spares the VMs that the daemon before attached", async (stage) => {
  const { lab, daemon } = stage;
  const anchor = await anchorOf(stage, alpha);
  await daemon.kill();
  const next = await lab.daemon();
  await next.call("release");
  await next.call("reconcile", [alpha]);
  await next.call("release");
  assert.equal((await next.call("attach", beta)).namespace?.anchorPid, anchor);
  for (const vmId of ["alpha", "beta"]) await next.call("detach", vmId);
  await next.call("release");
  assert.equal(await marked(lab), 0);
});

scenario("an attach that is given up leaves nothing behind", async (stage) => {
  const { lab, daemon } = stage;
  const attached = await daemon.call("attachAborted", alpha).then(
    () => true,
    () => false,
  );
  if (attached) await daemon.call("detach", "alpha").then(() => daemon.call("release"));
  assert.ok(await poll(async () => ((await marked(lab)) === 0 ? true : undefined), deadline));
  assert.ok(await daemon.call("attach", alpha));
});
