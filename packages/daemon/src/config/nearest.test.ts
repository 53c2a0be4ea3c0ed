import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { editDistance, nearest } from "./nearest.ts";

test("a slip of the finger finds the word that was meant", () => {
  const known = ["default_image_name", "ssh_key_path", "firecracker_bin", "vm_defaults"];
  assert.equal(nearest("default_image_nam", known), "default_image_name");
  assert.equal(nearest("ssh_kye_path", known), "ssh_key_path");
  assert.equal(nearest("VM_DEFAULT", known), "vm_defaults");
  assert.equal(nearest("colour", known), undefined);
  assert.equal(nearest("cpu", ["vcpu", "memory"]), "vcpu");
});

test("the distance is none for equal words, symmetric, and never more than the longer word", () => {
  const word = fc.string({ maxLength: 10, unit: fc.constantFrom("a", "b", "c") });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      assert.equal(distance === 0, a === b);
      assert.equal(distance, editDistance(b, a));
      assert.ok(distance <= Math.max(a.length, b.length));
      assert.ok(distance >= Math.abs(a.length - b.length));
    }),
  );
});
