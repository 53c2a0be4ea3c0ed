/** The version of this banger; package.json says the same (version.test.ts). */
export const VERSION = "0.1.0";

/** The header in which the daemon tells its version with every answer. */
export const VERSION_HEADER = "banger-version";
