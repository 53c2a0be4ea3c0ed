import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";

export const network: Check<DoctorDeps> = {
  id: "network",
  about: "Guests reach the outside through a private network namespace. The check makes a throw-away one with all that goes in.",
  async run({ network: availability }) {
    const answer = await availability();
    if (answer.available) return { status: "ok", summary: "guests have outbound network" };
    return { status: "warning", summary: `guests have no network: ${answer.message}`, fix: answer.hint };
  },
};
