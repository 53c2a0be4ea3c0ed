import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { networkInterfaces } from "node:os";
import { anchorPid, inGuestNetwork } from "../guest-network.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";

interface Vm {
  readonly name: string;
  readonly address: string;
}

const gateway = "172.16.0.1";
/** Ways a host could be reached by: the bridge's gateway, and the addresses between the namespace and pasta. */
const towardsHost = [gateway, "169.254.2.1", "169.254.2.2", "169.254.1.1"];

export default {
  name: "isolation",
  description: "Guests reach neither each other, nor the host's loopback, nor speak with another's address",
  class: "pure",
  needs: ["network"],
  async run(context) {
    const { boot, json } = context;
    const names = [await boot(), await boot()];
    const [one, two] = (await Promise.all(names.map((name) => json("vm", "show", name)))) as [Vm, Vm];
    assert.ok(await pings(context, one, gateway), "the gateway answers");
    await notEachOther(context, one, two);
    await notTheHost(context, one);
    await notInAnothersName(context, one, two);
  },
} satisfies Scenario;

async function notEachOther(context: ScenarioContext, one: Vm, two: Vm): Promise<void> {
  await context.inGuest(
    two.name,
    "sh",
    "-c",
    "mkdir /srv/page && cd /srv/page && echo two > index.html && systemd-run --quiet --working-directory=/srv/page python3 -m http.server 8000",
  );
  const page = `http://${two.address}:8000/`;
  await context.until("its own page", async () => ((await fetched(context, two, page)) === "two\n" ? true : undefined));
  assert.equal(await fetched(context, one, page), "");
  assert.equal(await pings(context, one, two.address), false);
  // By way of the gateway too, which would have to send it back where it came from.
  await context.inGuest(one.name, "ip", "route", "add", two.address, "via", gateway);
  assert.equal(await fetched(context, one, page), "");
  assert.equal(await pings(context, one, two.address), false);
}

async function notTheHost(context: ScenarioContext, one: Vm): Promise<void> {
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const outer = own.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
  for (const [listening, asked] of [["127.0.0.1", towardsHost] as const, ...(outer === undefined ? [] : [[outer, [outer]] as const])]) {
    const server = createServer((_, response) => response.end("host")).listen(0, listening);
    await once(server, "listening");
    try {
      const { port } = server.address() as { readonly port: number };
      assert.equal(await (await fetch(`http://${listening}:${port}/`)).text(), "host", "the service is there");
      for (const address of asked) assert.equal(await fetched(context, one, `http://${address}:${port}/`), "", address);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }
}

async function notInAnothersName(context: ScenarioContext, one: Vm, two: Vm): Promise<void> {
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

/** What a guest gets from a URL; empty when it gets nothing. */
async function fetched({ banger }: ScenarioContext, vm: Vm, url: string): Promise<string> {
  return (await banger(["vm", "exec", vm.name, "--", "curl", "--silent", "--noproxy", "*", "--max-time", "5", url])).stdout;
}

/** `target`: as ping takes it, an address last. */
async function pings({ banger }: ScenarioContext, vm: Vm, ...target: readonly string[]): Promise<boolean> {
  return (await banger(["vm", "exec", vm.name, "--", "ping", "-c", "1", "-W", "4", ...target])).status === 0;
}
