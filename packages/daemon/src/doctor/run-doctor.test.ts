import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { BangerError, type ProgressEvent } from "@banger/api";
import { run } from "@banger/host";
import { CHECKS } from "./checks.ts";
import type { Check } from "./contract.ts";
import { HOST_FILES } from "./deps.ts";
import { fakeHost } from "./fake-deps.ts";
import { runChecks, runDoctor } from "./run-doctor.ts";

const never = new AbortController().signal;
const silent = () => undefined;

test("on a host that has everything, every check is content and nothing is made", async () => {
  await using host = await fakeHost();
  const before = await readdir(host.root, { recursive: true });
  const report = await runDoctor(host.deps, never, silent);
  const unhappy = report.checks.filter(({ status }) => status === "failed" || status === "warning");
  assert.deepEqual(
    unhappy.filter(({ id }) => id !== "disk-space"),
    [],
  );
  assert.deepEqual(
    report.checks.map(({ id }) => id),
    CHECKS.map(({ id }) => id),
  );
  assert.deepEqual(await readdir(host.root, { recursive: true }), before);
});

test("ids are unique and every check says what it is about", () => {
  assert.equal(new Set(CHECKS.map(({ id }) => id)).size, CHECKS.length);
  for (const { id, about } of CHECKS) assert.match(about, /^\S.{20,}\.$/, id);
});

test("checks run at once and are reported in their order, each as a stage", async () => {
  // Unless both run at once, the first waits for ever.
  const gate = Promise.withResolvers<void>();
  const check = (id: string, work: () => Promise<void>): Check<null> => ({
    id,
    about: "",
    run: async () => (await work(), { status: "ok", summary: id }),
  });
  const events: ProgressEvent[] = [];
  const report = await runChecks({
    checks: [check("slow", () => gate.promise), check("quick", async () => gate.resolve())],
    deps: null,
    signal: never,
    progress: (event) => events.push(event),
  });
  assert.deepEqual(
    report.checks.map(({ id }) => id),
    ["slow", "quick"],
  );
  assert.deepEqual(
    events.map((event) => ("stage" in event ? `${event.type} ${event.stage}` : event.type)),
    ["stage.started slow", "stage.finished slow", "stage.started quick", "stage.finished quick"],
  );
});

test("a check that throws is a failed check; the others still answer", async () => {
  const bangs: Check<null> = {
    id: "a",
    about: "",
    run: () => Promise.reject(new BangerError("config.invalid", "c.toml:1:1: no", { hint: "fix it" })),
  };
  const breaks: Check<null> = { id: "b", about: "", run: () => Promise.reject(new TypeError("oh")) };
  const fine: Check<null> = { id: "c", about: "", run: async () => ({ status: "warning", summary: "hm" }) };
  const report = await runChecks({ checks: [bangs, breaks, fine], deps: null, signal: never, progress: silent });
  assert.deepEqual([report.problems, report.warnings], [2, 1]);
  assert.deepEqual(report.checks[0], {
    id: "a",
    status: "failed",
    summary: "c.toml:1:1: no",
    fix: "fix it",
    details: { code: "config.invalid" },
  });
  assert.match(report.checks[1]?.summary ?? "", /the check itself broke: TypeError: oh/);
});

test("what keeps several checks from looking is told once", async () => {
  await using host = await fakeHost();
  const bad = () => Promise.reject(new BangerError("config.invalid", "config.toml:3:1: unknown key vcpus", { hint: "vcpu" }));
  const { checks, problems } = await runDoctor(
    { ...host.deps, config: bad, probe: bad, defaults: bad, defaultImage: bad, firecrackerBin: bad, fileSync: { look: bad } },
    never,
    silent,
  );
  const told = checks.filter(({ summary }) => /vcpus|not looked at/.test(summary));
  assert.deepEqual(
    told.map(({ id, status, summary }) => `${id} ${status}: ${summary}`),
    [
      "config failed: config.toml:3:1: unknown key vcpus",
      "accelerator skipped: not looked at: config",
      "firecracker skipped: not looked at: config",
      "vm-defaults skipped: not looked at: config",
      "file-sync skipped: not looked at: config",
      "image skipped: not looked at: config",
    ],
  );
  assert.equal(problems, 1);
});

test("an abort ends the doctor", async () => {
  await using host = await fakeHost();
  const abort = new AbortController();
  const waiting = {
    ...host.deps,
    probe: (signal: AbortSignal) => new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted")))),
  };
  const doctor = runDoctor(waiting, abort.signal, silent);
  abort.abort(new BangerError("operation.cancelled", "cancelled"));
  await assert.rejects(doctor, { code: "operation.cancelled" });
});

test("the real host: the checks that look at it alone come to a verdict", async () => {
  await using host = await fakeHost();
  const user = { name: execFileSync("id", ["-un"], { encoding: "utf8" }).trim(), uid: process.getuid?.() ?? 0 };
  const real = { ...host.deps, user, files: HOST_FILES, searchPath: process.env["PATH"] ?? "", run };
  const { checks } = await runDoctor(real, never, silent);
  for (const check of checks) {
    assert.doesNotMatch(check.summary, /the check itself broke/, check.id);
    if (check.status === "failed") assert.ok(check.fix !== undefined && check.fix !== "", `${check.id}: ${check.summary}`);
  }
});
