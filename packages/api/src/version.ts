declare const BANGER_BUILD: string | undefined;

/** The version of this banger; package.json says the same (version.test.ts). */
export const VERSION = "0.1.0";

/** Tells builds of one version apart: made from the daemon's bundle, which the command line knows too (scripts/bundle.ts). */
export const BUILD = typeof BANGER_BUILD === "string" ? BANGER_BUILD : "source";

/** `0.1.0+BUILD`: what is equal was built together. */
export const FULL_VERSION = `${VERSION}+${BUILD}`;

/** The header in which the daemon tells its full version with every answer. */
export const VERSION_HEADER = "banger-version";
