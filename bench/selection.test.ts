import assert from "node:assert/strict";
import { test } from "node:test";
import { rows } from "./registry.ts";
import { roundsOf, selectRows, UsageError } from "./selection.ts";

const some = [{ name: "list" }, { name: "copy-in", isLong: true }, { name: "exec" }];
const namesOf = (only: string | undefined, isQuick = false) => selectRows(some, { only, isQuick }).map(({ name }) => name);

test("all rows, or those that are not long", () => {
  assert.deepEqual(namesOf(undefined), ["list", "copy-in", "exec"]);
  assert.deepEqual(namesOf(undefined, true), ["list", "exec"]);
});

test("named rows in the registry's order, long ones too", () => {
  assert.deepEqual(namesOf("exec,copy-in,", true), ["copy-in", "exec"]);
});

test("a row that is not there, or none", () => {
  assert.throws(() => namesOf("list,lst"), { name: UsageError.name, message: 'there is no row "lst": list, copy-in, exec' });
  assert.throws(() => namesOf(""), UsageError);
});

test("rounds are a whole number from 1", () => {
  assert.equal(roundsOf("3"), 3);
  for (const text of ["0", "-1", "1.5", "many", ""]) assert.throws(() => roundsOf(text), UsageError);
});

test("every row is registered once", () => {
  const names = rows.map(({ name }) => name);
  assert.deepEqual([...new Set(names)], names);
});
