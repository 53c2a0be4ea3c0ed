// Emulation is about ten times slower: no wait may be as short as with KVM, and none may be for ever.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deadlinesOf, type Deadlines } from "./deadlines.ts";

test("a guest under emulation is given more time for everything, and never for ever", () => {
  const [kvm, tcg] = [deadlinesOf("kvm"), deadlinesOf("tcg")];
  for (const key of Object.keys(kvm) as (keyof Deadlines)[]) {
    assert.ok(tcg[key] > kvm[key], `${key}: ${tcg[key]} ms under emulation, ${kvm[key]} with KVM`);
    assert.ok(kvm[key] > 0 && tcg[key] <= 600_000, key);
  }
});
