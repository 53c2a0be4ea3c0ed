// A skip for want of network is a lack of network: apt's other complaints are failures of the tests that meet them.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { obstacleTo } from "./archive-reach.test-support.ts";

const skip = existsSync("/usr/lib/apt/apt-helper") ? false : "missing: apt-helper";

test("no connection is an obstacle; an answer is none, whatever it is", { skip }, async () => {
  const server = createServer((_request, response) => void response.writeHead(404).end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const archive = `http://127.0.0.1:${port}/debian`;
  assert.equal(await obstacleTo(archive, "bookworm"), undefined);
  server.close();
  server.closeAllConnections();
  assert.match((await obstacleTo(archive, "bookworm")) ?? "", /^missing: Debian's archive cannot be reached \(.*127\.0\.0\.1/);
});
