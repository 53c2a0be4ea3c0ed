export * from "./atomic-file.ts";
export * from "./commands.ts";
export * from "./join-streams.ts";
export * from "./keyed-mutex.ts";
export * from "./network-rules.ts";
export * from "./poll.ts";
export * from "./process-identity.ts";
export * from "./remove-tree.ts";
