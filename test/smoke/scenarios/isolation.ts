import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { Scenario } from "../scenario.ts";

interface Vm {
  readonly address: string;
}

export default {
  name: "isolation",
  description: "Guests reach neither each other, nor the host's loopback, nor speak with another's address",
  class: "pure",
  needs: ["network"],
  async run({ boot, banger, json, inGuest }) {
    const [one, two] = [await boot(), await boot()];
    const [{ address: first }, { address: second }] = (await Promise.all([one, two].map((vm) => json("vm", "show", vm)))) as [Vm, Vm];
    await inGuest(two, "sh", "-c", "systemd-run --quiet python3 -m http.server 8000");
    const server = createServer((_, response) => response.end("host")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { readonly port: number };
    const reach = (target: string) => banger(["vm", "exec", one, "--", "curl", "--silent", "--max-time", "5", target]);
    try {
      assert.equal((await banger(["vm", "exec", one, "--", "ping", "-c", "1", "-W", "5", "172.16.0.1"])).status, 0, "the gateway answers");
      assert.notEqual((await banger(["vm", "exec", one, "--", "ping", "-c", "1", "-W", "3", second])).status, 0, "not each other");
      assert.notEqual((await reach(`http://${second}:8000/`)).status, 0);
      for (const host of ["172.16.0.1", "127.0.0.1"]) assert.doesNotMatch((await reach(`http://${host}:${port}/`)).stdout, /host/);
      await inGuest(one, "ip", "address", "add", "172.16.0.200/24", "dev", "eth0");
      const spoofed = await banger(["vm", "exec", one, "--", "ping", "-c", "1", "-W", "3", "-I", "172.16.0.200", "172.16.0.1"]);
      assert.notEqual(spoofed.status, 0, "a borrowed address gets no answer");
      assert.equal((await banger(["vm", "exec", one, "--", "ping", "-c", "1", "-W", "5", "-I", first, "172.16.0.1"])).status, 0);
    } finally {
      server.close();
    }
  },
} satisfies Scenario;
