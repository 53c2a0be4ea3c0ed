// The guest behind the fake Firecracker: an agent in probe mode, as far as the driver's contract goes, on vsock port 1024.
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import type { Server, Socket } from "node:net";
import { createServer } from "node:net";

/** Milliseconds until the agent listens: connections before are closed, as with a kernel that is still booting. */
const BOOT_MS = 150;
const AGENT_PORT = 1024;
const LONGEST_CONNECT = 32;

export class FakeGuest {
  readonly #agent: Http2Server = fakeAgent(() => this.#powerOff());
  #bootedAt: number | undefined;
  #hostPort = 1 << 30;

  boot(): void {
    this.#bootedAt = performance.now() + BOOT_MS;
    process.stdout.write("fake guest: booting\n");
  }

  /** The host's side of vsock: each connection asks for a port first. */
  listen(path: string): Server {
    return createServer((socket) => this.#accept(socket)).listen(path);
  }

  #powerOff(): void {
    this.#bootedAt = undefined;
    process.stdout.write("banger-agent: guest is going down: poweroff\n");
  }

  #accept(socket: Socket): void {
    let asked = "";
    socket.on("error", () => socket.destroy());
    const onData = (chunk: Buffer) => {
      asked += chunk.toString("latin1");
      if (!asked.includes("\n") && asked.length <= LONGEST_CONNECT) return;
      socket.off("data", onData);
      const port = /^CONNECT (\d+)\n$/.exec(asked)?.[1];
      const isUp = this.#bootedAt !== undefined && performance.now() >= this.#bootedAt;
      if (Number(port) !== AGENT_PORT || !isUp) return void socket.destroy();
      socket.pause();
      socket.write(`OK ${this.#hostPort++}\n`);
      this.#agent.emit("connection", socket);
    };
    socket.on("data", onData);
  }
}

function fakeAgent(powerOff: () => void): Http2Server {
  const startedAt = performance.now();
  const server = createHttp2Server();
  server.on("stream", (stream, headers) => {
    const call = `${headers[":method"] ?? ""} ${headers[":path"] ?? ""}`;
    const answer = (status: number, body: unknown) => {
      stream.respond({ ":status": status, "content-type": "application/json" });
      stream.end(JSON.stringify(body));
    };
    if (call === "GET /v1/health") {
      const uptimeMs = Math.round(performance.now() - startedAt);
      return answer(200, { version: "fake", protocol: 1, bootId: "fake", stage: "waiting", init: "", readiness: [], uptimeMs });
    }
    if (call === "POST /v1/shutdown") {
      answer(200, {});
      return powerOff();
    }
    return answer(404, { code: "not_found", message: call });
  });
  return server;
}
