import assert from "node:assert/strict";
import { anchorPid, inGuestNetwork } from "../guest-network.ts";
import type { Scenario } from "../scenario.ts";

interface Vm {
  readonly address: string;
}

/** As `nft -j list ruleset` has it, as far as it is looked at. */
interface Ruleset {
  readonly nftables: readonly {
    readonly table?: { readonly family: string; readonly name: string };
    readonly set?: { readonly name: string; readonly elem?: readonly unknown[] };
    readonly rule?: { readonly chain: string; readonly expr: readonly object[] };
  }[];
}

export default {
  name: "nat",
  description: "What lets a VM out is there once, also after stop and start, and gone when the VM is",
  class: "pure",
  needs: ["network"],
  async run({ boot, ok, json, env }) {
    // One that may not go out keeps the network there when the other stops.
    const keeper = await boot("--no-network");
    const vm = await boot();
    const addressOf = async (name: string) => ((await json("vm", "show", name)) as Vm).address;
    const [kept, address] = [await addressOf(keeper), await addressOf(vm)];
    const pid = await anchorPid(env);
    assert.ok(pid !== undefined, "VMs have a network");
    const rules = async () => JSON.parse(await inGuestNetwork(pid, "nft", "-j", "list", "ruleset")) as Ruleset;

    assertOnce(await rules(), address, 1);
    assert.deepEqual(mentions(await rules(), kept), { outbound: 0, senders: 1 }, "who may not go out is only kept to its own address");
    await ok("vm", "stop", vm);
    assertOnce(await rules(), address, 0);
    await ok("vm", "start", vm);
    assertOnce(await rules(), await addressOf(vm), 1);
    await ok("vm", "restart", vm);
    assertOnce(await rules(), await addressOf(vm), 1);
    await ok("vm", "delete", vm);
    assertOnce(await rules(), address, 0);
    assert.deepEqual(mentions(await rules(), kept), { outbound: 0, senders: 1 }, "and the other's are as they were");
    assert.equal(await anchorPid(env), pid, "in the same network");
  },
} satisfies Scenario;

/** One masquerade for all, and the VM `times` times among those it is for. */
function assertOnce(ruleset: Ruleset, address: string, times: 0 | 1): void {
  const { nftables } = ruleset;
  const tables = nftables.flatMap(({ table }) => (table?.name === "banger" ? [table.family] : []));
  assert.deepEqual(tables.toSorted(), ["bridge", "inet"]);
  const masquerades = nftables.filter(({ rule }) => rule?.expr.some((part) => "masquerade" in part) === true);
  assert.equal(masquerades.length, 1, JSON.stringify(masquerades));
  assert.deepEqual(mentions(ruleset, address), { outbound: times, senders: times });
}

function mentions({ nftables }: Ruleset, address: string) {
  const count = (name: string) =>
    nftables
      .filter(({ set }) => set?.name === name)
      .flatMap(({ set }) => set?.elem ?? [])
      .filter((element) => JSON.stringify(element).includes(`"${address}"`)).length;
  return { outbound: count("outbound"), senders: count("senders") };
}
