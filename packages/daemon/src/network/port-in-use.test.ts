import assert from "node:assert/strict";
import { test } from "node:test";
import { portInUse, type Holder } from "./port-in-use.ts";

const wanted = { hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80 };
const api: Holder = { kind: "vm", vmId: "0f3a9c", name: "api", mapping: { hostAddress: "0.0.0.0", hostPort: 8080, guestPort: 3000 } };
const web = (status: "creating" | "starting" | "running") => ({ name: "web", status });

test("another VM's port is told by its name, with what frees it and what takes another", () => {
  const free = "banger vm forward api 0.0.0.0:8080:3000 --remove";
  const hints = {
    creating: `${free}, or --publish 0:80 for a free port`,
    running: `${free}, or banger vm forward web 0:80 for a free port`,
    starting: `${free}, or banger vm forward web 8080:80 --remove && banger vm forward web 0:80 for a free port`,
  };
  for (const status of ["creating", "running", "starting"] as const) {
    const error = portInUse({ wanted, holder: api, asker: web(status) });
    assert.equal(error.message, "port 127.0.0.1:8080 is in use by VM api");
    assert.equal(error.hint, hints[status]);
    assert.equal(error.details?.["name"], "api");
  }
});

test("a process is named; of an unknown one it is told how to find out", () => {
  const known = portInUse({ wanted, holder: { kind: "process", holder: "node (process 4711)", pid: 4711 }, asker: web("creating") });
  assert.equal(known.message, "port 127.0.0.1:8080 is in use by node (process 4711)");
  assert.equal(known.hint, "--publish 0:80 for a free port");
  const unknown = portInUse({ wanted: { ...wanted, hostAddress: "0.0.0.0" }, holder: { kind: "unknown" }, asker: web("creating") });
  assert.equal(unknown.message, "port 0.0.0.0:8080 is in use");
  assert.equal(unknown.hint, "sudo ss -ltnp 'sport = :8080' to see who has it, or --publish 0.0.0.0:0:80 for a free port");
});
