import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { exitOf, parseJailStatus } from "./jail-status.ts";

const UP = '{ "child-pid": 4711, "net-namespace": 4026532396 }\n';

it("reads the pid when the jail is up and the exit code at its end", () => {
  assert.deepEqual(parseJailStatus(""), { childPid: undefined, exitCode: undefined });
  assert.deepEqual(parseJailStatus(UP), { childPid: 4711, exitCode: undefined });
  assert.deepEqual(parseJailStatus(`${UP}{ "exit-code": 137 }\n`), { childPid: 4711, exitCode: 137 });
});

it("never takes a number from a line that is cut short", () => {
  const whole = `${UP}{ "exit-code": 137 }`;
  for (let length = 0; length < whole.length; length++) {
    const { childPid, exitCode } = parseJailStatus(whole.slice(0, length));
    assert.ok(childPid === undefined || childPid === 4711);
    assert.equal(exitCode, undefined);
  }
});

it("survives anything", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseJailStatus(text)));
  fc.assert(fc.property(fc.json(), (text) => void parseJailStatus(text)));
});

it("tells a signal from a status", () => {
  assert.deepEqual(exitOf(undefined), { status: null, signal: null });
  assert.deepEqual(exitOf(0), { status: 0, signal: null });
  assert.deepEqual(exitOf(1), { status: 1, signal: null });
  assert.deepEqual(exitOf(137), { status: null, signal: "SIGKILL" });
  assert.deepEqual(exitOf(255), { status: 255, signal: null });
});
