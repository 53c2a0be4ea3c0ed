// What the guest changes between the look at it and the write: it is refused and told, never overwritten.
import assert from "node:assert/strict";
import { appendFileSync, chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { HostRepository, snapshot } from "./testing/host-repository.ts";

async function copied(): Promise<HostRepository> {
  const host = new HostRepository();
  for (const name of ["a", "b", "gone", "d/x"]) host.write(name, `${name}\n`);
  host.commit("first");
  await host.copy(await host.plan());
  return host;
}

function changeHere(host: HostRepository): void {
  host.write("a", "host\n");
  host.write("b", "host\n");
  host.write("new", "host\n");
  host.write("made/new", "host\n");
  rmSync(join(host.top, "gone"));
  rmSync(join(host.top, "d"), { recursive: true });
  host.write("d", "a file now\n");
  host.run("add", "--all");
}

const edits: Readonly<Record<string, (guest: string) => void>> = {
  "written in place": (guest) => appendFileSync(join(guest, "a"), "guest\n"),
  "of another mode": (guest) => chmodSync(join(guest, "b"), 0o755),
  "deleted there, changed here": (guest) => rmSync(join(guest, "b")),
  "deleted here, changed there": (guest) => writeFileSync(join(guest, "gone"), "guest\n"),
  "made on both sides": (guest) => writeFileSync(join(guest, "new"), "guest\n"),
  "made in a directory that is new": (guest) => {
    mkdirSync(join(guest, "made"));
    writeFileSync(join(guest, "made/new"), "guest\n");
  },
  "a symlink now": (guest) => {
    rmSync(join(guest, "a"));
    symlinkSync("b", join(guest, "a"));
  },
  "in a directory that is a file here": (guest) => writeFileSync(join(guest, "d/x"), "guest\n"),
};

for (const [title, edit] of Object.entries(edits)) {
  test(`a guest's edit between look and write stays: ${title}`, async () => {
    using host = await copied();
    changeHere(host);
    let edited: ReadonlyMap<string, string> = new Map();
    const beforeWriting = () => {
      const before = snapshot(host.guest);
      edit(host.guest);
      const after = snapshot(host.guest);
      edited = new Map(
        [...new Set([...before.keys(), ...after.keys()])]
          .filter((name) => before.get(name) !== after.get(name))
          .map((name) => [name, after.get(name) ?? ""]),
      );
    };
    await assert.rejects(
      host.prepare({ beforeWriting }),
      (error: { readonly code: string; readonly message: string; readonly hint: string }) => {
        assert.equal(error.code, "workspace.conflict");
        assert.match(error.message, new RegExp(`^${[...edited.keys()][0]}: changed meanwhile in the guest: it stays`));
        assert.equal(error.hint, "banger vm workspace prepare box");
        return true;
      },
    );
    for (const [name, content] of edited) assert.equal(snapshot(host.guest).get(name) ?? "", content);
    // Now it is seen, and told with all else.
    await assert.rejects(host.prepare(), { code: "workspace.conflict", message: /nothing is copied: in the way in box: / });
    await host.prepare({ isForced: true });
    assert.deepEqual(snapshot(host.guest), snapshot(host.top));
  });
}

test("a commit made in the guest between look and write stays", async () => {
  using host = await copied();
  host.write("a", "host\n");
  host.commit("second");
  const beforeWriting = () => void host.guestGit("commit", "--quiet", "--allow-empty", "--message=own");
  await assert.rejects(host.prepare({ beforeWriting }), {
    code: "workspace.conflict",
    message: /^\.git\/refs\/heads\/main: changed meanwhile/,
  });
  assert.equal(host.guestGit("log", "-1", "--format=%s"), "own\n");
  await assert.rejects(host.prepare(), { code: "workspace.conflict", message: /the guest has commits of its own/ });
});

test("an edit elsewhere holds nothing up, nor does one that is in the way and forced", async () => {
  using host = await copied();
  changeHere(host);
  writeFileSync(join(host.guest, "a"), "guest\n");
  const beforeWriting = () => {
    writeFileSync(join(host.guest, "own"), "guest\n");
    appendFileSync(join(host.guest, "a"), "guest again\n");
  };
  await host.prepare({ isForced: true, beforeWriting });
  assert.equal(readFileSync(join(host.guest, "a"), "utf8"), "host\n");
  assert.equal(readFileSync(join(host.guest, "own"), "utf8"), "guest\n");
});

const names = fc.constantFrom("a", "b", "gone", "new", "d/x", "own");
const contents = fc.option(fc.constantFrom("host\n", "guest\n"), { nil: undefined });

test("property: what the guest made of a file meanwhile is there afterwards, or is what the host has", async () => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(names, contents, { maxKeys: 3 }), async (theirs) => {
      using host = await copied();
      changeHere(host);
      const before = snapshot(host.guest);
      const beforeWriting = () => {
        for (const [name, content] of Object.entries(theirs)) {
          rmSync(join(host.guest, name), { force: true });
          if (content !== undefined) writeFileSync(join(host.guest, name), content);
        }
      };
      const outcome = await host.prepare({ beforeWriting }).then(
        () => "done",
        (error: { readonly code?: string; readonly message: string }) => {
          assert.equal(error.code, "workspace.conflict", error.message);
          return "refused";
        },
      );
      const [there, here] = [snapshot(host.guest), snapshot(host.top)];
      for (const [name, content] of Object.entries(theirs)) {
        const expected = content === undefined ? undefined : `file ${content}`;
        if (there.get(name) === expected || before.get(name) === expected) continue;
        assert.equal(there.get(name), here.get(name), name);
        assert.equal(outcome, "refused", name);
      }
      if (outcome === "done") for (const [name, content] of here) assert.equal(there.get(name), content, name);
    }),
    { numRuns: 15 },
  );
});
