// Holds what came from a daemon against what its route declares.
import type { Route } from "./route.ts";
import { routeSchemas } from "./route-schemas.ts";
import type { ResultOf } from "./routes.ts";

/** Throws a ZodError. */
export function checkResult<R extends Route>(route: R, value: unknown): ResultOf<R> {
  const { result } = routeSchemas[route.id as keyof typeof routeSchemas];
  return result.parse(value) as ResultOf<R>;
}
