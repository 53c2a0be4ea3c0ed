// Turns what came over the socket into a handler's input, or into `api.bad_request` that names the field.
import type { Readable } from "node:stream";
import { BangerError, type Route, type RouteSchemas } from "@banger/api";
import { routeSchemas } from "@banger/api/validation";
import { en } from "zod/locales";
import type * as z from "zod/mini";
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
    query: parsePart(query, raw.query, "the query"),
    body: parsePart(body, body === undefined ? undefined : (raw.body ?? {}), "the body"),
    stream: raw.stream,
  } as Input<R>;
}

function parsePart(schema: z.ZodMiniType | undefined, value: unknown, where: string): unknown {
  if (schema === undefined) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue === undefined || issue.path.length === 0 ? where : `${issue.path.join(".")} in ${where}`;
  throw new BangerError("api.bad_request", `${field}: ${issue === undefined ? "not valid" : wordsOf(issue)}`, {
    details: { issues: parsed.error.issues.slice(0, 10) },
  });
}

const english = en().localeError;

/** zod/mini itself carries no words. */
function wordsOf(issue: z.core.$ZodIssue): string {
  const words = english(issue as z.core.$ZodRawIssue);
  return (typeof words === "string" ? words : words?.message) ?? issue.message;
}
