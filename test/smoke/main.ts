// The smoke runner: `node main.ts --help`.
import { scenarios } from "./registry.ts";
import { runProgramOf } from "./runner.ts";

runProgramOf({ scenarios });
