import assert from "node:assert/strict";
import { test } from "node:test";
import { acceleratorOf, firecrackerObstacle } from "./doctor.ts";

const kvm = { id: "accelerator", status: "ok", details: { accelerator: "kvm" } };
const tcg = { id: "accelerator", status: "warning", details: { accelerator: "tcg" } };
const firecracker = (status: string) => ({ id: "firecracker", status });

test("Firecracker wants KVM and a supported program", () => {
  assert.equal(firecrackerObstacle([kvm, firecracker("ok")]), undefined);
  assert.match(firecrackerObstacle([tcg, firecracker("ok")]) ?? "", /needs KVM/);
  assert.match(firecrackerObstacle([kvm, firecracker("skipped")]) ?? "", /no Firecracker/);
});

test("an accelerator that the doctor does not tell is unknown", () => {
  assert.equal(acceleratorOf([tcg]), "tcg");
  assert.equal(acceleratorOf([]), "unknown");
});
