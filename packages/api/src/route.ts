// What a route of the API is.
import type * as z from "zod/mini";
import type { ErrorCode } from "./errors.ts";

/**
 * How a route answers. `json`: one JSON value. `progress`: `application/x-ndjson`, progress events then one result or error.
 * `bytes`: a raw stream (`contentType`). `upgrade`: HTTP upgrade to `banger-stream`, raw bytes or frames (frames.ts).
 */
export type RouteKind = "json" | "progress" | "bytes" | "upgrade";

export interface Route {
  readonly id: string;
  readonly kind: RouteKind;
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly summary: string;
  /** The request body is raw bytes of this type. */
  readonly bodyContentType?: string;
  readonly contentType?: string;
  readonly errors: readonly ErrorCode[];
}

export interface RouteSchemas {
  readonly params?: z.ZodMiniType;
  readonly query?: z.ZodMiniType;
  readonly body?: z.ZodMiniType;
  readonly result: z.ZodMiniType;
}
