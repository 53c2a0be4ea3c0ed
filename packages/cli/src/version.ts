// The version of this banger; package.json says the same (version.test.ts).
export { VERSION } from "@banger/api";
