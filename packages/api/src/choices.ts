// The closed lists that flags and schemas share.

export const READINESS_LEVELS = ["agent", "basic", "system", "ssh"] as const;
export const DRIVER_NAMES = ["qemu", "firecracker"] as const;
