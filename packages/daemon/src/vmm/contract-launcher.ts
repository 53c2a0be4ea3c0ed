// A process of the contract suite that starts a VM as a daemon would, says so, and waits to be killed.
import type { VmmDriver, VmmSpec } from "./contract.ts";

const [module = "", specText = ""] = process.argv.slice(2);
const { createDriver } = (await import(module)) as { readonly createDriver: () => VmmDriver };
const spec = JSON.parse(specText) as VmmSpec;
const started = await createDriver().start(spec, new AbortController().signal);
process.stdout.write(`${JSON.stringify(started)}\n`);
// Held open so that only a signal ends it.
setInterval(() => undefined, 60_000);
