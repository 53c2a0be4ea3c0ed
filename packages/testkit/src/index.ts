export * from "./fake-agent.ts";
export * from "./fake-serial-port.ts";
export { changedOf, leadsToDirectory, removeNames, selectionTar, treeLines, type NamesToRemove } from "./fake-tree.ts";
export * from "./fake-vmm-driver.ts";
export type * from "./fake-vmm-launch.ts";
export { changedIn } from "./tar-expectations.ts";
