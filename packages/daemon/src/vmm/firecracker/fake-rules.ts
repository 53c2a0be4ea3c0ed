// What Firecracker's API accepts and refuses, as a table: the rules of its own description
// (src/firecracker/swagger/firecracker.yaml) and of its parsers, for the part of the API that a driver uses. It is stricter
// where versions differ: what an older supported one refuses is refused.

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

export type Answer = { readonly status: 200 | 204; readonly body?: unknown } | { readonly status: 400; readonly fault: string };

/** What the rules ask of the host; each throws with the system's words. */
export interface FakeHost {
  openFile(path: string, access: "read" | "write"): void;
  openTap(name: string): void;
  /** Binds and listens; a left-over socket file is in the way. */
  listenVsock(path: string): void;
  isElf(path: string): boolean;
  boot(): void;
}

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, { readonly check: Check; readonly isRequired: boolean }>>;

const text: Check = (value) => typeof value === "string";
const flag: Check = (value) => typeof value === "boolean";
const oneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    typeof value === "string" && values.includes(value);
const integer =
  (least: number, most = Number.MAX_SAFE_INTEGER): Check =>
  (value) =>
    Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most;
const mac: Check = (value) => typeof value === "string" && /^(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/.test(value);
const object: Check = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const needs = (check: Check) => ({ check, isRequired: true });
const may = (check: Check) => ({ check, isRequired: false });

/** Requests before the start, by the first part of their path. */
const RESOURCES: Readonly<
  Record<string, { readonly shape: Shape; readonly idField?: string; readonly apply: (fake: FakeFirecracker, body: Fields) => void }>
> = {
  "machine-config": {
    shape: {
      vcpu_count: needs(integer(1, 32)),
      mem_size_mib: needs(integer(1)),
      smt: may(flag),
      track_dirty_pages: may(flag),
      cpu_template: may(text),
      huge_pages: may(oneOf("None", "2M")),
    },
    apply: (fake, body) => fake.set("machine-config", body),
  },
  "boot-source": {
    shape: { kernel_image_path: needs(text), initrd_path: may(text), boot_args: may(text) },
    apply: (fake, body) => {
      fake.host.openFile(String(body["kernel_image_path"]), "read");
      if (typeof body["initrd_path"] === "string") fake.host.openFile(body["initrd_path"], "read");
      fake.set("boot-source", body);
    },
  },
  drives: {
    idField: "drive_id",
    shape: {
      drive_id: needs(text),
      is_root_device: needs(flag),
      is_read_only: needs(flag),
      path_on_host: needs(text),
      partuuid: may(text),
      cache_type: may(oneOf("Unsafe", "Writeback")),
      io_engine: may(oneOf("Sync", "Async")),
      rate_limiter: may(object),
    },
    apply: (fake, body) => fake.addDrive(body),
  },
  "network-interfaces": {
    idField: "iface_id",
    shape: {
      iface_id: needs(text),
      host_dev_name: needs(text),
      guest_mac: may(mac),
      rx_rate_limiter: may(object),
      tx_rate_limiter: may(object),
    },
    apply: (fake, body) => fake.addInterface(body),
  },
  vsock: {
    shape: { guest_cid: needs(integer(3, 0xffff_ffff)), uds_path: needs(text), vsock_id: may(text) },
    apply: (fake, body) => {
      fake.host.listenVsock(String(body["uds_path"]));
      fake.set("vsock", body);
    },
  },
  entropy: { shape: { rate_limiter: may(object) }, apply: (fake, body) => fake.set("entropy", body) },
};

class Refusal extends Error {}

/** The state of one VMM as its API shows it. */
export class FakeFirecracker {
  readonly host: FakeHost;
  readonly #version: string;
  readonly #id: string;
  readonly #config = new Map<string, Fields>();
  #isRunning = false;

  constructor(host: FakeHost, id: string, version: string) {
    this.host = host;
    this.#id = id;
    this.#version = version;
  }

  handle(request: FakeRequest): Answer {
    try {
      return this.#route(request);
    } catch (error) {
      return { status: 400, fault: error instanceof Error ? error.message : String(error) };
    }
  }

  set(resource: string, body: Fields): void {
    this.#config.set(resource, body);
  }

  addDrive(body: Fields): void {
    const key = `drives/${String(body["drive_id"])}`;
    const roots = [...this.#config].filter(
      ([other, drive]) => other.startsWith("drives/") && other !== key && drive["is_root_device"] === true,
    );
    if (body["is_root_device"] === true && roots.length > 0) throw new Refusal("there is a root drive already");
    this.host.openFile(String(body["path_on_host"]), body["is_read_only"] === true ? "read" : "write");
    this.set(key, body);
  }

  addInterface(body: Fields): void {
    const key = `network-interfaces/${String(body["iface_id"])}`;
    const macs = [...this.#config]
      .filter(([other]) => other.startsWith("network-interfaces/") && other !== key)
      .map(([, nic]) => nic["guest_mac"]);
    if (body["guest_mac"] !== undefined && macs.includes(body["guest_mac"])) throw new Refusal("the MAC address is in use");
    this.host.openTap(String(body["host_dev_name"]));
    this.set(key, body);
  }

  #route({ method, path, body }: FakeRequest): Answer {
    const [resource = "", id, ...more] = path.split("/").slice(1);
    if (method === "GET" && body !== "") throw new Refusal("a GET has no body");
    if (method === "GET") return this.#describe(path);
    if (method !== "PUT" || more.length > 0) throw new Refusal(`no such method and path: ${method} ${path}`);
    if (body === "") throw new Refusal("a PUT needs a body");
    if (resource === "actions")
      return this.#act(parse(body, { action_type: needs(oneOf("InstanceStart", "FlushMetrics", "SendCtrlAltDel")) }));
    const rule = Object.hasOwn(RESOURCES, resource) ? RESOURCES[resource] : undefined;
    if (rule === undefined) throw new Refusal(`no such method and path: PUT ${path}`);
    const fields = parse(body, rule.shape);
    if (rule.idField !== undefined) checkId(id, fields[rule.idField]);
    if (this.#isRunning) throw new Refusal("not possible after the start");
    rule.apply(this, fields);
    return { status: 204 };
  }

  #describe(path: string): Answer {
    switch (path) {
      case "/":
        return {
          status: 200,
          body: { id: this.#id, state: this.#isRunning ? "Running" : "Not started", vmm_version: this.#version, app_name: "Firecracker" },
        };
      case "/version":
        return { status: 200, body: { firecracker_version: this.#version } };
      case "/machine-config":
        return {
          status: 200,
          body: this.#config.get("machine-config") ?? { vcpu_count: 1, mem_size_mib: 128, smt: false, track_dirty_pages: false },
        };
      default:
        throw new Refusal(`no such method and path: GET ${path}`);
    }
  }

  #act(body: Fields): Answer {
    if (body["action_type"] !== "InstanceStart") {
      if (!this.#isRunning) throw new Refusal("not possible before the start");
      return { status: 204 };
    }
    if (this.#isRunning) throw new Refusal("not possible after the start");
    const kernel = this.#config.get("boot-source")?.["kernel_image_path"];
    if (typeof kernel !== "string") throw new Refusal("there is no kernel to start");
    if (!this.host.isElf(kernel)) throw new Refusal("the kernel is not an ELF image (invalid magic number)");
    this.host.boot();
    this.#isRunning = true;
    return { status: 204 };
  }
}

function parse(body: string, shape: Shape): Fields {
  const document: unknown = JSON.parse(body);
  if (!object(document)) throw new Refusal("the body is not an object");
  const fields = document as Fields;
  const unknown = Object.keys(fields).find((name) => !Object.hasOwn(shape, name));
  if (unknown !== undefined) throw new Refusal(`unknown field ${unknown}`);
  for (const [name, { check, isRequired }] of Object.entries(shape)) {
    if (fields[name] === undefined && isRequired) throw new Refusal(`missing field ${name}`);
    if (fields[name] !== undefined && !check(fields[name])) throw new Refusal(`invalid value of ${name}`);
  }
  return fields;
}

function checkId(fromPath: string | undefined, fromBody: unknown): void {
  if (fromPath === undefined || fromPath === "") throw new Refusal("the id is empty");
  if (!/^[\p{L}\p{N}_]+$/u.test(fromPath)) throw new Refusal("an id has letters, digits and underscores only");
  if (fromPath !== fromBody) throw new Refusal("the id of the path is not that of the body");
}
