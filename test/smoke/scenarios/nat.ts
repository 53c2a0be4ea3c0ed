import assert from "node:assert/strict";
import { anchorPid, inGuestNetwork } from "../guest-network.ts";
import type { Scenario } from "../scenario.ts";
import { showVm } from "../seen-vm.ts";

/** As `nft -j list ruleset` has it, as far as it is looked at. */
interface Ruleset {
  readonly nftables: readonly {
    readonly table?: { readonly family: string; readonly name: string };
    readonly set?: { readonly name: string; readonly elem?: readonly (string | { readonly concat: readonly string[] })[] };
    readonly rule?: { readonly chain: string; readonly expr: readonly object[] };
  }[];
}

export default {
  name: "nat",
  description: "What lets a VM out is there once, also after stop and start, and gone when the VM is",
  class: "pure",
  needs: ["network"],
  async run(context) {
    const { boot, ok, env } = context;
    // One that may not go out keeps the network there when the other stops.
    const keeper = await boot("--no-network", "--wait", "agent");
    const vm = await boot("--wait", "agent");
    const pid = await anchorPid(env);
    assert.ok(pid !== undefined, "VMs have a network");
    const rules = async () => JSON.parse(await inGuestNetwork(pid, "nft", "-j", "list", "ruleset")) as Ruleset;
    // An address may be another's once its VM is stopped; a tap is one VM's for good.
    const tapOf = async (name: string) => {
      const { address } = await showVm(context, name);
      const [tap] = senders(await rules()).find((sender) => sender[2] === address) ?? [];
      assert.ok(tap !== undefined, `${name} may send`);
      return tap;
    };
    const [kept, tap] = [await tapOf(keeper), await tapOf(vm)];

    assertOnce(await rules(), tap, 1);
    assert.deepEqual(mentions(await rules(), kept), { outbound: 0, senders: 1 }, "who may not go out is only kept to its own address");
    await ok("vm", "stop", vm);
    assertOnce(await rules(), tap, 0);
    await ok("vm", "start", vm);
    assertOnce(await rules(), tap, 1);
    await ok("vm", "restart", vm);
    assertOnce(await rules(), tap, 1);
    await ok("vm", "delete", vm);
    assertOnce(await rules(), tap, 0);
    assert.deepEqual(mentions(await rules(), kept), { outbound: 0, senders: 1 }, "and the other's are as they were");
    assert.equal(await anchorPid(env), pid, "in the same network");
  },
} satisfies Scenario;

/** One masquerade for all, and the VM `times` times among those it is for; nobody is let out who may not send. */
function assertOnce(ruleset: Ruleset, tap: string, times: 0 | 1): void {
  const { nftables } = ruleset;
  const tables = nftables.flatMap(({ table }) => (table?.name === "banger" ? [table.family] : []));
  assert.deepEqual(tables.toSorted(), ["bridge", "inet"]);
  const masquerades = nftables.filter(({ rule }) => rule?.expr.some((part) => "masquerade" in part) === true);
  assert.equal(masquerades.length, 1, JSON.stringify(masquerades));
  assert.deepEqual(mentions(ruleset, tap), { outbound: times, senders: times });
  const known = new Set(senders(ruleset).map(([, , address]) => address));
  for (const address of outbound(ruleset)) assert.ok(known.has(address), `${address} is let out and nobody's`);
}

function mentions(ruleset: Ruleset, tap: string) {
  const own = senders(ruleset).filter((sender) => sender[0] === tap);
  return { outbound: outbound(ruleset).filter((address) => own.some((sender) => sender[2] === address)).length, senders: own.length };
}

/** Tap, MAC, address of each. */
function senders(ruleset: Ruleset): readonly (readonly string[])[] {
  return elements(ruleset, "senders").map((element) => (typeof element === "string" ? [element] : element.concat));
}

function outbound(ruleset: Ruleset): readonly string[] {
  return elements(ruleset, "outbound").filter((element) => typeof element === "string");
}

function elements({ nftables }: Ruleset, name: string) {
  return nftables.filter(({ set }) => set?.name === name).flatMap(({ set }) => set?.elem ?? []);
}
