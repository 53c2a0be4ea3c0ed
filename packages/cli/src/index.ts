// What tests and tools need of the CLI; the program is main.ts.
export { checkCommandLine, runCli } from "./cli.ts";
export { splitArgv } from "./argv.ts";
export type { CliDeps } from "./deps.ts";
export { EXIT } from "./exit-codes.ts";
export { VERSION } from "./version.ts";
export { bangerLines, type BangerLine } from "./testing/banger-lines.ts";
export { checkDeps } from "./testing/check-deps.ts";
