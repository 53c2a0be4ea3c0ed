// The one error type of banger and the closed list of its codes. Errors travel over the API as data;
// one place in the CLI renders them.

/** Every way banger can fail that a program may want to tell apart. */
export const ERROR_CODES = [
  "api.bad_request",
  "api.not_found",
  "api.too_large",
  "api.upgrade_required",
  "api.version_skew",
  "cli.usage",
  "config.invalid",
  "daemon.unreachable",
  "daemon.start_failed",
  "daemon.stopping",
  "copy.bad_request",
  "copy.failed",
  "copy.unsafe",
  "exec.not_found",
  "exec.failed",
  "guest.disk_full",
  "guest.failed",
  "guest.path_not_found",
  "guest.unreachable",
  "guest.not_ready",
  "guest.configure_failed",
  "host.command_failed",
  "host.command_missing",
  "host.disk_full",
  "host.no_vm_user",
  "host.resources",
  "host.unsupported",
  "image.build_failed",
  "image.corrupt",
  "image.in_use",
  "image.not_found",
  "internal",
  "network.no_egress",
  "network.not_published",
  "network.port_in_use",
  "network.setup_failed",
  "operation.cancelled",
  "operation.not_found",
  "state.corrupt",
  "state.not_writable",
  "state.too_new",
  "vm.busy",
  "vm.bad_name",
  "vm.bad_spec",
  "vm.name_taken",
  "vm.not_found",
  "vm.not_running",
  "vm.start_failed",
  "vmm.failed",
  "vmm.missing",
  "vmm.unsupported",
  "workspace.bad_request",
  "workspace.conflict",
  "workspace.not_found",
  "workspace.not_kept",
  "workspace.not_repository",
  "workspace.unreadable",
  "workspace.unsafe",
  "workspace.unsupported",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** An error as it travels: what failed (`message`, with the offending value) and what to type next (`hint`). */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly operationId?: string | undefined;
}

export interface ErrorOptions {
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
  readonly operationId?: string;
}

export class BangerError extends Error {
  override readonly name = "BangerError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  readonly operationId: string | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
    this.operationId = options.operationId;
  }

  toBody(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.details === undefined ? {} : { details: this.details }),
      ...(this.operationId === undefined ? {} : { operationId: this.operationId }),
    };
  }

  static fromBody(body: ErrorBody): BangerError {
    return new BangerError(body.code, body.message, {
      ...(body.hint === undefined ? {} : { hint: body.hint }),
      ...(body.details === undefined ? {} : { details: body.details }),
      ...(body.operationId === undefined ? {} : { operationId: body.operationId }),
    });
  }
}

/** Exit status of a daemon that had no space to start in; its log may be on the same full disk. sysexits(3): EX_CANTCREAT. */
export const DAEMON_DISK_FULL_STATUS = 73;

/** HTTP status of an error code, by the family of what went wrong. */
export function httpStatus(code: ErrorCode): number {
  if (code.endsWith("not_found")) return 404;
  switch (code) {
    case "api.bad_request":
    case "vm.bad_name":
    case "vm.bad_spec":
    case "config.invalid":
      return 400;
    case "api.too_large":
      return 413;
    case "api.upgrade_required":
      return 426;
    case "vm.busy":
    case "vm.name_taken":
    case "vm.not_running":
    case "workspace.conflict":
    case "workspace.not_kept":
    case "image.in_use":
    case "network.port_in_use":
    case "network.not_published":
      return 409;
    case "daemon.stopping":
    case "guest.unreachable":
      return 503;
    case "guest.disk_full":
    case "host.disk_full":
      return 507;
    default:
      return 500;
  }
}
