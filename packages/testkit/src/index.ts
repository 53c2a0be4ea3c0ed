export * from "./fake-agent.ts";
export * from "./fake-serial-port.ts";
export { removeNames, selectionTar, treeLines } from "./fake-tree.ts";
export * from "./fake-vmm-driver.ts";
export type * from "./fake-vmm-launch.ts";
