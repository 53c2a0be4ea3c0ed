// VM names are DNS labels: they become host names, DNS names and parts of paths, so they are checked at every boundary
// and never normalised silently.
import { BangerError } from "./errors.ts";

declare const brand: unique symbol;
export type VmName = string & { readonly [brand]: "VmName" };

export const VM_NAME_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export function isVmName(text: string): text is VmName {
  return VM_NAME_PATTERN.test(text);
}

/** The name, checked: 1 to 63 of a-z 0-9 '-', not starting or ending with '-'. Throws `vm.bad_name`. */
export function parseVmName(text: string): VmName {
  if (isVmName(text)) return text;
  throw new BangerError("vm.bad_name", `${JSON.stringify(text)} is not a VM name`, {
    hint: "use 1 to 63 of a-z, 0-9 and '-', not starting or ending with '-'",
  });
}
