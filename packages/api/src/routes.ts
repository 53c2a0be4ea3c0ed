// Every route of the API, declared once: server binding, typed client, OpenAPI and reference docs come from here and from
// route-schemas.ts.
import type * as z from "zod/mini";
import type { routeSchemas } from "./route-schemas.ts";
import type { Route, RouteSchemas } from "./route.ts";
import { vmRoutes } from "./vm-routes.ts";
import { workspaceRoutes } from "./workspace-routes.ts";

export const routes = {
  ping: {
    id: "ping",
    kind: "json",
    method: "GET",
    path: "/v1/ping",
    summary: "The daemon's version and state.",
    errors: [],
  },
  openapi: {
    id: "openapi",
    kind: "json",
    method: "GET",
    path: "/v1/openapi.json",
    summary: "This API as an OpenAPI 3.1 document.",
    errors: [],
  },
  daemonStop: {
    id: "daemonStop",
    kind: "json",
    method: "POST",
    path: "/v1/daemon/stop",
    summary: "Stop the daemon; VMs keep running.",
    errors: [],
  },

  ...vmRoutes,
  ...workspaceRoutes,

  imageList: {
    id: "imageList",
    kind: "json",
    method: "GET",
    path: "/v1/images",
    summary: "Images that are here and those the catalog offers.",
    errors: [],
  },
  imageShow: {
    id: "imageShow",
    kind: "json",
    method: "GET",
    path: "/v1/images/:name",
    summary: "One image.",
    errors: ["image.not_found"],
  },
  imagePull: {
    id: "imagePull",
    kind: "progress",
    method: "POST",
    path: "/v1/images/:name/pull",
    summary: "Download or build an image that is not here or older than its recipe; two at once share the work.",
    errors: ["image.not_found", "image.build_failed", "host.disk_full", "host.command_missing"],
  },
  imageDelete: {
    id: "imageDelete",
    kind: "json",
    method: "DELETE",
    path: "/v1/images/:name",
    summary: "Delete an image that no VM uses.",
    errors: ["image.not_found", "image.in_use"],
  },

  operationList: {
    id: "operationList",
    kind: "json",
    method: "GET",
    path: "/v1/operations",
    summary: "Operations under way and the most recent ones.",
    errors: [],
  },
  operationFollow: {
    id: "operationFollow",
    kind: "progress",
    method: "GET",
    path: "/v1/operations/:id/events",
    summary: "Follow an operation from its first event.",
    errors: ["operation.not_found"],
  },
  defaults: {
    id: "defaults",
    kind: "json",
    method: "GET",
    path: "/v1/defaults",
    summary: "The effective defaults of a new VM with where each came from.",
    errors: ["config.invalid"],
  },
  settings: {
    id: "settings",
    kind: "json",
    method: "GET",
    path: "/v1/settings",
    summary: "The effective settings of config.toml with where each came from.",
    errors: ["config.invalid"],
  },
  doctor: {
    id: "doctor",
    kind: "progress",
    method: "GET",
    path: "/v1/doctor",
    summary: "Check the host; each check is a stage.",
    errors: [],
  },
} as const satisfies Readonly<Record<string, Route>>;

export type Routes = typeof routes;

type Schemas = typeof routeSchemas;
type SchemasOf<R extends Route> = R extends { readonly id: infer Id extends keyof Schemas } ? Schemas[Id] : RouteSchemas;
type Out<R extends Route, K extends string> =
  SchemasOf<R> extends { readonly [P in K]: infer S extends z.ZodMiniType } ? z.output<S> : undefined;
export type ParamsOf<R extends Route> = Out<R, "params">;
export type QueryOf<R extends Route> = Out<R, "query">;
export type BodyOf<R extends Route> = Out<R, "body">;
export type ResultOf<R extends Route> = z.output<SchemasOf<R>["result"]>;
