export * from "./fake-agent.ts";
export * from "./fake-serial-port.ts";
export * from "./fake-vmm-driver.ts";
