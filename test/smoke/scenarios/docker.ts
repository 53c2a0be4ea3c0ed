import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

/** Says what it was told and exits with 7, or serves it on port 8080. */
const PROGRAM = `#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv) {
  if (argc < 3) return write(1, argv[1], strlen(argv[1])) > 0 ? 7 : 1;
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(8080)};
  int all = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(all, (struct sockaddr *)&any, sizeof any) || listen(all, 8)) return 1;
  for (;;) {
    int one = accept(all, 0, 0);
    if (write(one, argv[2], strlen(argv[2])) < 0) return 1;
    close(one);
  }
}
`;
/** An image of that alone, as a tar: no network is needed. Docker has forgotten it before it is loaded. */
const MAKE = `set -e
cd /root && gcc -static -x c - -o says
tar -c says | docker import --change 'ENTRYPOINT ["/says"]' - says:local >/dev/null
docker save says:local > says.tar
docker rmi says:local >/dev/null
docker load < says.tar`;

export default {
  name: "docker",
  description: "Docker in the guest, offline: an image from a tar is run, on a network of its own, and its published port answers",
  class: "pure",
  needs: [],
  async run({ boot, banger, inGuest, until }) {
    const vm = await boot();
    const made = await banger(["vm", "exec", vm, "--", "sh", "-c", MAKE], { input: PROGRAM });
    assert.deepEqual([made.status, made.stdout], [0, "Loaded image: says:local\n"], made.stderr);
    const said = await banger(["vm", "exec", vm, "--", "docker", "run", "--rm", "--network", "none", "says:local", "hello"]);
    assert.deepEqual([said.status, said.stdout], [7, "hello"], said.stderr);

    await inGuest(vm, "docker", "network", "create", "--driver", "bridge", "own");
    await inGuest(vm, ..."docker run --detach --name server --network own --publish 127.0.0.1:8000:8080 says:local serve page".split(" "));
    const served = async () => (await banger(["vm", "exec", vm, "--", "nc", "-w", "5", "127.0.0.1", "8000"])).stdout || undefined;
    assert.equal(await until("the published port answers", served), "page");
    const address = await inGuest(vm, "docker", "inspect", "--format", "{{.NetworkSettings.Networks.own.IPAddress}}", "server");
    assert.equal(await inGuest(vm, "nc", "-w", "5", address, "8080"), "page", "and its own address");
  },
} satisfies Scenario;
