// What answers on a port of this machine.
import { connect } from "node:net";
import { networkInterfaces } from "node:os";

/** The first words of a service that greets, as sshd; undefined when none answers. */
export function greetingOn(port: number, address = "127.0.0.1"): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    const settle = (said?: string) => {
      socket.destroy();
      resolve(said);
    };
    socket.once("data", (chunk: Buffer) => settle(chunk.toString("latin1")));
    socket.once("error", () => settle()).once("close", () => settle());
  });
}

/** Whether nobody listens there. */
export function isRefused(port: number, address = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    const settle = (refused: boolean) => {
      socket.destroy();
      resolve(refused);
    };
    socket.once("connect", () => settle(false));
    socket.once("error", ({ code }: NodeJS.ErrnoException) => settle(code === "ECONNREFUSED"));
  });
}

/** An address that others reach this machine by; undefined where it has none. */
export function outerAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}

/** A page; undefined when there is none. */
export async function fetched(port: number): Promise<string | undefined> {
  try {
    return await (await fetch(`http://127.0.0.1:${port}/`)).text();
  } catch {
    return undefined;
  }
}
