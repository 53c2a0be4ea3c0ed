/** Enough for systemd and Docker, small enough for several at once on a small machine. */
export const SIZE = ["--vcpu", "2", "--memory", "1G", "--disk-size", "2G"] as const;
