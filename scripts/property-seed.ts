// Preloaded by the tests: properties draw the same examples each time, so that what fails is the change at hand. `make
// properties` gives new seeds; a seed that finds something becomes an example of its own in the test it failed.
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env["BANGER_PROPERTY_SEED"] ?? 1) });
