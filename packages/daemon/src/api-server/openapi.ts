// The API as an OpenAPI 3.1 document, from the route table.
import { ERROR_CODES, routes, type Route, type RouteSchemas, type Routes } from "@banger/api";
import { errorBody, errorCode, routeSchemas, streamLineOf } from "@banger/api/validation";
import * as z from "zod/mini";

type Json = Record<string, unknown>;

export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  const components: Components = { schemas: new Map(), parameters: new Map() };
  for (const id of Object.keys(routes) as (keyof Routes)[]) {
    const route = { ...routes[id], ...routeSchemas[id] } satisfies DescribedRoute;
    const path = route.path.replaceAll(/:([a-z]+)/gi, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, components) };
  }
  const error = { description: "An error.", content: { "application/json": { schema: schemaOf(errorBody, components) } } };
  return {
    openapi: "3.1.0",
    info: {
      title: "banger",
      version: "1",
      description: "Throw-away Linux machines. Served on a Unix socket; access is the socket's owner alone.",
      license: { name: "MIT", identifier: "MIT" },
    },
    paths,
    components: { schemas: sorted(components.schemas), parameters: sorted(components.parameters), responses: { Error: error } },
  };
}

type DescribedRoute = Route & RouteSchemas;

/** What has a name, by it; filled by those who refer to them. */
interface Components {
  readonly schemas: Map<string, Json>;
  readonly parameters: Map<string, Json>;
}

function sorted(named: ReadonlyMap<string, Json>): Json {
  return Object.fromEntries([...named].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function operationOf(route: DescribedRoute, components: Components): Json {
  const schema = (of: z.ZodMiniType) => ({ schema: schemaOf(of, components) });
  const parameters = [...pathParametersOf(route, components), ...parametersOf(route.query, "query", components)];
  return {
    operationId: route.id,
    summary: route.summary,
    ...(route.errors.length === 0 ? {} : { description: `Errors of its own: ${route.errors.join(", ")}.` }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...requestOf(route, schema),
    responses: { ...successOf(route, components), default: { $ref: "#/components/responses/Error" } },
  };
}

type ContentOf = (schema: z.ZodMiniType) => Json;

function requestOf(route: DescribedRoute, contentOf: ContentOf): Json {
  if (route.body !== undefined) return { requestBody: { required: true, content: { "application/json": contentOf(route.body) } } };
  if (route.bodyContentType !== undefined) return { requestBody: { required: true, content: { [route.bodyContentType]: {} } } };
  return {};
}

function successOf(route: DescribedRoute, components: Components): Json {
  switch (route.kind) {
    case "json":
      return { "200": { description: "Done.", content: { "application/json": { schema: schemaOf(route.result, components) } } } };
    case "progress":
      return {
        "200": {
          description: "Lines of JSON, each as in the schema: progress events, then one result or error.",
          content: { "application/x-ndjson": { schema: lineOf(route.result, components) } },
        },
      };
    case "bytes":
      return { "200": { description: "Raw bytes.", content: { [route.contentType ?? "application/octet-stream"]: {} } } };
    case "upgrade":
      return { "101": { description: "The connection is upgraded to `banger-stream`." } };
  }
}

/** Under a name of its own where the result has one. */
function lineOf(result: z.ZodMiniType, components: Components): Json {
  const { id } = z.globalRegistry.get(result) ?? {};
  const line = schemaOf(streamLineOf(result), components);
  if (id === undefined) return line;
  components.schemas.set(`${id}Line`, line);
  return { $ref: `#/components/schemas/${id}Line` };
}

/** Those of a path are the same wherever it begins alike: `vms.name`. */
function pathParametersOf({ path, params }: DescribedRoute, components: Components): Json[] {
  const noun = path.split("/")[2] ?? "";
  return parametersOf(params, "path", components).map((parameter) => {
    const key = `${noun}.${String(parameter["name"])}`;
    components.parameters.set(key, parameter);
    return { $ref: `#/components/parameters/${key}` };
  });
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
  const { $schema: _dialect, ...whole } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any", override: refine });
  const { $defs: named = {}, ...rest } = JSON.parse(JSON.stringify(whole).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json & {
    $defs?: Readonly<Record<string, Json>>;
  };
  for (const [name, definition] of Object.entries(named)) components.schemas.set(name, definition);
  return rest;
}

/** What zod cannot tell, and what it tells of every integer. */
function refine({ zodSchema, jsonSchema }: { readonly zodSchema: unknown; readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (zodSchema === errorCode) Object.assign(jsonSchema, { type: "string", enum: [...ERROR_CODES] });
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
}
