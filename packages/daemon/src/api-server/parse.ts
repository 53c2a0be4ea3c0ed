// Turns what came over the socket into a handler's input, or into `api.bad_request` that names the field.
import type { Readable } from "node:stream";
import { BangerError, parseVmName, VM_NAME_PATTERN, type Route, type RouteSchemas } from "@banger/api";
import { routeSchemas } from "@banger/api/validation";
import { en } from "zod/locales";
import * as z from "zod/mini";
import type { Input } from "./handlers.ts";

export interface RawRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly stream: Readable;
}

export function parseInput<R extends Route>(route: R, raw: RawRequest): Input<R> {
  const { params, query, body }: RouteSchemas = routeSchemas[route.id as keyof typeof routeSchemas];
  return {
    params: parsePart(params, raw.params, "the path"),
    query: parsePart(query ?? nothing, raw.query, "the query"),
    body: body === undefined ? refuseBody(route, raw.body) : parsePart(body, raw.body ?? {}, "the body"),
    stream: raw.stream,
  } as Input<R>;
}

const nothing = z.strictObject({});

/** What an upload brings is its stream's to read. */
function refuseBody({ method, path, bodyContentType }: Route, body: unknown): undefined {
  if (body === undefined || bodyContentType !== undefined) return undefined;
  throw new BangerError("api.bad_request", `${method} ${path} takes no body`, { hint: "GET /v1/openapi.json says what goes where" });
}

function parsePart(schema: z.ZodMiniType | undefined, value: unknown, where: string): unknown {
  if (schema === undefined) return undefined;
  // What came in is looked at for the words alone: it may be long, or a secret.
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, 10);
  refuseBadName(issues);
  const told = issues.map((issue) => ({ path: issue.path, message: wordsOf(issue) }));
  const [first] = told;
  const field = first === undefined || first.path.length === 0 ? where : `${first.path.join(".")} in ${where}`;
  throw new BangerError("api.bad_request", `${field}: ${first?.message ?? "not valid"}`, { details: { issues: told } });
}

/** Throws `vm.bad_name`, as all that takes the name of a VM does. */
function refuseBadName(issues: readonly z.core.$ZodIssue[]): void {
  for (const issue of issues) {
    if (issue.code === "invalid_format" && issue.pattern === String(VM_NAME_PATTERN)) parseVmName(String(issue.input));
  }
}

const english = en().localeError;

/** zod/mini itself carries no words. */
function wordsOf(issue: z.core.$ZodIssue): string {
  const words = english(issue as z.core.$ZodRawIssue);
  return (typeof words === "string" ? words : words?.message) ?? issue.message;
}
