// The API as an OpenAPI 3.1 document, from the route table.
import { routes, type Route, type RouteSchemas, type Routes } from "@banger/api";
import { errorBody, routeSchemas } from "@banger/api/validation";
import * as z from "zod/mini";

type Json = Record<string, unknown>;

export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  const components = new Map<string, Json>();
  for (const id of Object.keys(routes) as (keyof Routes)[]) {
    const route = { ...routes[id], ...routeSchemas[id] } satisfies DescribedRoute;
    const path = route.path.replaceAll(/:([a-z]+)/gi, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, components) };
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
    components: { schemas: Object.fromEntries([...components].toSorted(([a], [b]) => (a < b ? -1 : 1))) },
  };
}

type DescribedRoute = Route & RouteSchemas;

/** Schemas that have a name, by it; filled by those who refer to them. */
type Components = Map<string, Json>;

function operationOf(route: DescribedRoute, components: Components): Json {
  const schema = (of: z.ZodMiniType) => ({ schema: schemaOf(of, components) });
  return {
    operationId: route.id,
    summary: route.summary,
    parameters: [...parametersOf(route.params, "path", components), ...parametersOf(route.query, "query", components)],
    ...requestOf(route, schema),
    responses: {
      ...successOf(route, schema),
      default: {
        description: route.errors.length === 0 ? "An error." : `An error; of its own: ${route.errors.join(", ")}.`,
        content: { "application/json": schema(errorBody) },
      },
    },
  };
}

type ContentOf = (schema: z.ZodMiniType) => Json;

function requestOf(route: DescribedRoute, contentOf: ContentOf): Json {
  if (route.body !== undefined) return { requestBody: { required: true, content: { "application/json": contentOf(route.body) } } };
  if (route.bodyContentType !== undefined) return { requestBody: { required: true, content: { [route.bodyContentType]: {} } } };
  return {};
}

function successOf(route: DescribedRoute, contentOf: ContentOf): Json {
  switch (route.kind) {
    case "json":
      return { "200": { description: "Done.", content: { "application/json": contentOf(route.result) } } };
    case "progress":
      return {
        "200": {
          description: "Lines of JSON: progress events, then one `result` (its schema here) or `error`.",
          content: { "application/x-ndjson": contentOf(route.result) },
        },
      };
    case "bytes":
      return { "200": { description: "Raw bytes.", content: { [route.contentType ?? "application/octet-stream"]: {} } } };
    case "upgrade":
      return { "101": { description: "The connection is upgraded to `banger-stream`." } };
  }
}

function parametersOf(schema: z.ZodMiniType | undefined, where: "path" | "query", components: Components): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, components) as {
    properties?: Record<string, unknown>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, parameter]) => ({ name, in: where, required: required.includes(name), schema: parameter }));
}

/** The JSON Schema of `schema`, with references to `components` for what has a name. */
function schemaOf(schema: z.ZodMiniType, components: Components): Json {
  const { $schema: _dialect, ...whole } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  const { $defs: named = {}, ...rest } = JSON.parse(JSON.stringify(whole).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json & {
    $defs?: Readonly<Record<string, Json>>;
  };
  for (const [name, definition] of Object.entries(named)) components.set(name, definition);
  return rest;
}
