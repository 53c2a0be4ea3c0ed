export * from "./copy-in.ts";
export * from "./file-set.ts";
export * from "./git.ts";
export * from "./names.ts";
export * from "./plan.ts";
export * from "./repository.ts";
export * from "./store.ts";
