// Holds what came from a daemon against what is declared. Loaded by who does so: zod and the schemas take a while to set up.
import type { Route } from "./route.ts";
import { routeSchemas } from "./route-schemas.ts";
import type { ResultOf } from "./routes.ts";

export { streamLine } from "./progress.ts";

/** Throws a ZodError. */
export function checkResult<R extends Route>(route: R, value: unknown): ResultOf<R> {
  const { result } = routeSchemas[route.id as keyof typeof routeSchemas];
  return result.parse(value) as ResultOf<R>;
}
