// Published ports as people write them: [ADDR:]HOST:GUEST.
import { isIPv4 } from "node:net";
import { BangerError } from "./errors.ts";

/** One published port: `hostAddress:hostPort` on the host reaches `guestPort` in the guest. */
export interface PortMapping {
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly guestPort: number;
}

/** Parses `[ADDR:]HOST:GUEST`; the address is 127.0.0.1 unless given. Host port 0 lets the kernel choose. */
export function parsePortMapping(text: string): PortMapping {
  const match = /^(?:(\d+\.\d+\.\d+\.\d+):)?(\d{1,5}):(\d{1,5})$/.exec(text);
  const hostAddress = match?.[1] ?? "127.0.0.1";
  const hostPort = Number(match?.[2] ?? Number.NaN);
  const guestPort = Number(match?.[3] ?? Number.NaN);
  if (!isIPv4(hostAddress) || !(hostPort >= 0 && hostPort <= 65_535) || !(guestPort >= 1 && guestPort <= 65_535)) {
    throw new BangerError("vm.bad_spec", `${JSON.stringify(text)} is not a port to publish`, {
      hint: "write [ADDR:]HOST:GUEST, as 8080:80 or 0.0.0.0:8080:80",
    });
  }
  return { hostAddress, hostPort, guestPort };
}

/** `127.0.0.1:8080→80`: where the host answers, and for which port of the guest. */
export function formatPortMapping(mapping: PortMapping): string {
  return `${mapping.hostAddress}:${mapping.hostPort}→${mapping.guestPort}`;
}

/** As `parsePortMapping` takes it, for a command to type. */
export function portMappingArgument({ hostAddress, hostPort, guestPort }: PortMapping): string {
  return `${hostAddress === "127.0.0.1" ? "" : `${hostAddress}:`}${hostPort}:${guestPort}`;
}
