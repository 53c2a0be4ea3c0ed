// The version of this banger; package.json says the same (version.test.ts).
export { BUILD, FULL_VERSION, VERSION } from "@banger/api";
