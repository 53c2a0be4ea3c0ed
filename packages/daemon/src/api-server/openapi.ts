// The API as an OpenAPI 3.1 document, from the route table.
import { routes, type Route, type RouteSchemas, type Routes } from "@banger/api";
import { errorBody, routeSchemas } from "@banger/api/validation";
import * as z from "zod/mini";

type Json = Record<string, unknown>;

export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const id of Object.keys(routes) as (keyof Routes)[]) {
    const route = { ...routes[id], ...routeSchemas[id] } satisfies DescribedRoute;
    const path = route.path.replaceAll(/:([a-z]+)/gi, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "banger",
      version: "1",
      description: "Throw-away Linux machines. Served on a Unix socket; access is the socket's owner alone.",
      license: { name: "MIT", identifier: "MIT" },
    },
    paths,
    components: { schemas: { Error: schemaOf(errorBody) } },
  };
}

type DescribedRoute = Route & RouteSchemas;

function operationOf(route: DescribedRoute): Json {
  return {
    operationId: route.id,
    summary: route.summary,
    parameters: [...parametersOf(route.params, "path"), ...parametersOf(route.query, "query")],
    ...requestOf(route),
    responses: {
      ...successOf(route),
      default: {
        description: route.errors.length === 0 ? "An error." : `An error; of its own: ${route.errors.join(", ")}.`,
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
  };
}

function requestOf(route: DescribedRoute): Json {
  if (route.body !== undefined)
    return { requestBody: { required: true, content: { "application/json": { schema: schemaOf(route.body) } } } };
  if (route.bodyContentType !== undefined) return { requestBody: { required: true, content: { [route.bodyContentType]: {} } } };
  return {};
}

function successOf(route: DescribedRoute): Json {
  switch (route.kind) {
    case "json":
      return { "200": { description: "Done.", content: { "application/json": { schema: schemaOf(route.result) } } } };
    case "progress":
      return {
        "200": {
          description: "Lines of JSON: progress events, then one `result` (its schema here) or `error`.",
          content: { "application/x-ndjson": { schema: schemaOf(route.result) } },
        },
      };
    case "bytes":
      return { "200": { description: "Raw bytes.", content: { [route.contentType ?? "application/octet-stream"]: {} } } };
    case "upgrade":
      return { "101": { description: "The connection is upgraded to `banger-stream`." } };
  }
}

function parametersOf(schema: z.ZodMiniType | undefined, where: "path" | "query"): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema) as { properties?: Record<string, unknown>; required?: string[] };
  return Object.entries(properties).map(([name, parameter]) => ({ name, in: where, required: required.includes(name), schema: parameter }));
}

function schemaOf(schema: z.ZodMiniType): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return rest;
}
