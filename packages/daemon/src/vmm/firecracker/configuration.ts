// The API requests that configure and start a Firecracker VM, in order, as data. Field names and rules are those of
// Firecracker's own API description (src/firecracker/swagger/firecracker.yaml). All paths are the jail's.
import type { VmmSpec } from "../contract.ts";
import { JAIL } from "../jail.ts";
import { kernelArguments } from "../kernel-arguments.ts";

/** Names of Firecracker's sockets in the run directory. */
export const FIRECRACKER_SOCKETS = { api: "api.sock", vsock: "vsock.sock" } as const;
/** The guest's vsock address: behind a socket of its own in every jail, so one number serves all. */
const GUEST_CID = 3;

export interface ApiRequest {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

type FirecrackerSpec = Pick<VmmSpec, "vcpu" | "memoryMib" | "kernelArguments" | "disks" | "nic">;

/** All are PUT. The last one boots the guest; nothing may be configured after it. */
export function planFirecracker(spec: FirecrackerSpec): readonly ApiRequest[] {
  return [
    { path: "/machine-config", body: { vcpu_count: spec.vcpu, mem_size_mib: spec.memoryMib } },
    {
      path: "/boot-source",
      body: {
        kernel_image_path: JAIL.kernel,
        initrd_path: JAIL.initramfs,
        boot_args: kernelArguments({ accelerator: "kvm", channel: "vsock", extra: spec.kernelArguments }),
      },
    },
    ...spec.disks.map((disk) => ({
      path: `/drives/${disk.id}`,
      // Without Writeback the guest's flushes are dropped, and a host that crashes leaves a torn file system.
      body: {
        drive_id: disk.id,
        path_on_host: `${JAIL.disks}/${disk.id}`,
        is_root_device: false,
        is_read_only: disk.readOnly,
        cache_type: "Writeback",
      },
    })),
    ...(spec.nic === null
      ? []
      : [{ path: "/network-interfaces/eth0", body: { iface_id: "eth0", host_dev_name: spec.nic.tap, guest_mac: spec.nic.mac } }]),
    { path: "/vsock", body: { guest_cid: GUEST_CID, uds_path: `${JAIL.run}/${FIRECRACKER_SOCKETS.vsock}` } },
    { path: "/entropy", body: {} },
    { path: "/actions", body: { action_type: "InstanceStart" } },
  ];
}

/**
 * argv of the program. The guest's console is its stdout; what it logs itself goes to a file of its own. Errors only: a guest
 * can cause warnings at will (an access to a port that is not there is one), and so could fill the host's disk.
 */
export function firecrackerArgv(program: readonly string[], vmId: string): readonly string[] {
  return [...program, "--id", vmId, "--api-sock", `${JAIL.run}/${FIRECRACKER_SOCKETS.api}`, "--log-path", JAIL.log, "--level", "Error"];
}
