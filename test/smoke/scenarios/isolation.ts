import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { anchorPid, inGuestNetwork } from "../guest-network.ts";
import { outerAddress } from "../ports.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";

/** With the address that a guest has while it has a network. */
interface Guest {
  readonly name: string;
  readonly address: string;
}

const gateway = "172.16.0.1";
/** Ways a host could be reached by: the bridge's gateway, and the addresses between the namespace and pasta. */
const towardsHost = [gateway, "169.254.2.1", "169.254.2.2", "169.254.1.1"];

/** Writes down what comes to port 9000. */
const LISTEN = [
  "import socket",
  "inbox = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
  "inbox.bind(('', 9000))",
  "with open('/srv/heard', 'wb', 0) as heard:",
  "  while True: heard.write(inbox.recv(99) + b'\\n')",
].join("\n");
const CALL = [
  "import socket, sys",
  "out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
  "out.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)",
  "for to in ('172.16.0.255', '255.255.255.255'): out.sendto(sys.argv[1].encode(), (to, 9000))",
].join("\n");

export default {
  name: "isolation",
  description: "Guests reach neither each other, nor the host's loopback, nor speak with another's address",
  class: "pure",
  needs: ["network"],
  async run(context) {
    const { boot, json } = context;
    const names = [await boot(), await boot()];
    const [one, two] = (await Promise.all(names.map((name) => json("vm", "show", name)))) as [Guest, Guest];
    await serves(context, one);
    await serves(context, two);
    assert.ok(await pings(context, one, gateway), "the gateway answers");
    await notEachOther(context, one, two);
    await notByIpv6(context, one, two);
    await notByBroadcast(context, one, two);
    await notTheHost(context, one);
    await notInAnothersName(context, one, two);
  },
} satisfies Scenario;

/** A page of its own at port 8000, which it gets itself. */
async function serves(context: ScenarioContext, { name, address }: Guest): Promise<void> {
  const serve = `mkdir /srv/page && cd /srv/page && echo ${name} > index.html && systemd-run --quiet --working-directory=/srv/page python3 -m http.server 8000`;
  await context.inGuest(name, "sh", "-c", serve);
  const own = async () => {
    const { status, stdout } = await curl(context, name, `http://${address}:8000/`);
    return status === 0 && stdout === `${name}\n` ? true : undefined;
  };
  await context.until(`${name} gets its own page`, own);
}

async function notEachOther(context: ScenarioContext, one: Guest, two: Guest): Promise<void> {
  const reachesNothing = async () => {
    const [answers] = await Promise.all([pings(context, one, two.address), assertUnreachable(context, one, `http://${two.address}:8000/`)]);
    assert.equal(answers, false);
  };
  await reachesNothing();
  // By way of the gateway too, which would have to send it back where it came from.
  await context.inGuest(one.name, "ip", "route", "add", two.address, "via", gateway);
  await reachesNothing();
}

async function notByIpv6(context: ScenarioContext, one: Guest, two: Guest): Promise<void> {
  const shown = await context.inGuest(two.name, "ip", "-6", "-oneline", "address", "show", "dev", "eth0", "scope", "link");
  const address = /inet6 ([^/ ]+)/.exec(shown)?.[1];
  assert.ok(address !== undefined, "it has a link-local address");
  assert.ok(await pings(context, two, "-6", `${address}%eth0`), "its own answers");
  assert.equal(await pings(context, one, "-6", `${address}%eth0`), false);
  const everybody = await context.banger(["vm", "exec", one.name, "--", "ping", "-6", "-c", "2", "-W", "2", "ff02::1%eth0"]);
  assert.equal(everybody.status, 0, "itself answers");
  assert.ok(!everybody.stdout.includes(address), everybody.stdout);
}

async function notByBroadcast(context: ScenarioContext, one: Guest, two: Guest): Promise<void> {
  const { inGuest, until } = context;
  await inGuest(two.name, "systemd-run", "--quiet", "python3", "-c", LISTEN);
  const heard = () => inGuest(two.name, "sh", "-c", "cat /srv/heard 2>/dev/null || true");
  const calls = async (from: Guest, word: string) => await inGuest(from.name, "python3", "-c", CALL, word);
  // What is sent to all is heard by the sender too.
  const hears = (word: string) =>
    until(`${word} is heard`, async () => {
      await calls(two, word);
      return (await heard()).includes(word) ? true : undefined;
    });
  await hears("before");
  await calls(one, "stranger");
  await hears("after");
  assert.doesNotMatch(await heard(), /stranger/);
}

async function notTheHost(context: ScenarioContext, one: Guest): Promise<void> {
  const outer = outerAddress();
  for (const [listening, asked] of [["127.0.0.1", towardsHost] as const, ...(outer === undefined ? [] : [[outer, [outer]] as const])]) {
    const server = createServer((_, response) => response.end("host")).listen(0, listening);
    await once(server, "listening");
    try {
      const { port } = server.address() as { readonly port: number };
      assert.equal(await (await fetch(`http://${listening}:${port}/`)).text(), "host", "the service is there");
      await Promise.all(asked.map((address) => assertUnreachable(context, one, `http://${address}:${port}/`)));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }
}

async function notInAnothersName(context: ScenarioContext, one: Guest, two: Guest): Promise<void> {
  const { inGuest, env } = context;
  for (const borrowed of ["172.16.0.200", two.address]) {
    await inGuest(one.name, "ip", "address", "add", `${borrowed}/32`, "dev", "eth0");
    assert.equal(await pings(context, one, "-I", borrowed, gateway), false, `${borrowed} gets no answer`);
    const anchor = await anchorPid(env);
    assert.ok(anchor !== undefined);
    const neighbours = JSON.parse(await inGuestNetwork(anchor, "ip", "-json", "neighbour", "show", "dev", "br-fc")) as Neighbour[];
    const believed = neighbours.find(({ dst }) => dst === borrowed)?.lladdr;
    assert.notEqual(believed, macOf(one.address), `the gateway does not take it for ${borrowed}`);
    await inGuest(one.name, "ip", "address", "delete", `${borrowed}/32`, "dev", "eth0");
  }
  assert.ok(await pings(context, one, "-I", one.address, gateway), "itself again");
  assert.ok(await pings(context, two, "-I", two.address, gateway), "the other was not disturbed");
}

interface Neighbour {
  readonly dst: string;
  readonly lladdr?: string;
}

/** A guest's MAC is made from its address. */
function macOf(address: string): string {
  const bytes = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return ["02", "fc", ...bytes].join(":");
}

/** curl itself must have found nobody: it could not connect, or not in time. */
async function assertUnreachable(context: ScenarioContext, from: Guest, url: string): Promise<void> {
  const { status, stdout, stderr } = await curl(context, from.name, url);
  assert.ok(status === 7 || status === 28, `${url}: ${status} ${stderr}`);
  assert.equal(stdout, "");
}

function curl({ banger }: ScenarioContext, name: string, url: string) {
  return banger(["vm", "exec", name, "--", "curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "5", url]);
}

/** Whether anybody answers at `target`: as ping takes it, an address last. */
async function pings({ banger }: ScenarioContext, from: Guest, ...target: readonly string[]): Promise<boolean> {
  const { status, stderr } = await banger(["vm", "exec", from.name, "--", "ping", "-c", "1", "-W", "4", ...target]);
  assert.ok(status === 0 || status === 1, `ping could not try: ${status} ${stderr}`);
  return status === 0;
}
