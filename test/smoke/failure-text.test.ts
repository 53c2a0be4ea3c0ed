import assert from "node:assert/strict";
import { test } from "node:test";
import { failureText } from "./failure-text.ts";

test("what failed first comes first, also where its clean-up failed too", async () => {
  const scope = async () => {
    await using _context = { [Symbol.asyncDispose]: () => Promise.reject(new Error("left behind")) };
    throw new Error("3 is not 4");
  };
  const error: unknown = await scope().catch((thrown: unknown) => thrown);
  assert.match(failureText(error), /^Error: 3 is not 4\n {4}at [\s\S]*\nthen, while it was cleaned up:\nError: left behind\n {4}at /);
});

test("causes and the errors of an aggregate are told too", () => {
  const text = failureText(new Error("too late", { cause: new AggregateError([new Error("one"), "two"], "both") }));
  assert.match(
    text,
    /^Error: too late\n[\s\S]*\nbecause of:\nAggregateError: both\n[\s\S]*\nbecause of:\nError: one\n[\s\S]*\nbecause of:\ntwo$/,
  );
  assert.equal(failureText("just words"), "just words");
});
