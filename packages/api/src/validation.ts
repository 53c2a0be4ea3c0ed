// The API's schemas, for those who check what comes in. Not part of index.ts: making them takes time.
export * from "./progress.ts";
export * from "./route-schemas.ts";
export * from "./schemas.ts";
