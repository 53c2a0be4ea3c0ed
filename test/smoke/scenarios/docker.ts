import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

/** An image made on the spot of the guest's own static parts: no network is needed. */
const LOAD = `set -e
cd "$(mktemp -d)"
printf 'int main(void){return 7;}' | gcc -static -x c - -o seven
tar -c seven | docker import --change 'ENTRYPOINT ["/seven"]' - seven:local >/dev/null
set +e
docker run --rm --network none seven:local
echo "status $?"
docker save seven:local | docker load`;

export default {
  name: "docker",
  description: "Docker in the guest: an image made on the spot is saved, loaded and run, offline",
  class: "pure",
  needs: [],
  async run({ boot, inGuest }) {
    const vm = await boot();
    const output = await inGuest(vm, "sh", "-c", LOAD);
    assert.match(output, /^status 7$/m);
    assert.match(output, /Loaded image: seven:local/);
    assert.match(await inGuest(vm, "docker", "ps", "--all"), /CONTAINER ID/);
  },
} satisfies Scenario;
