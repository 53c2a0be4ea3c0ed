// A route and its input as what stands in the first line of a request.
import type { Route } from "./route.ts";

/** The input of any route. */
export interface LooseInput {
  /** Strings by name. */
  readonly params?: unknown;
  /** Strings and numbers by name. */
  readonly query?: unknown;
  readonly body?: unknown;
}

export function routeUrl(route: Route, input: LooseInput): string {
  const { params, query = {} } = input as { readonly params?: Readonly<Record<string, string>>; readonly query?: Query };
  const path = route.path.replaceAll(/:([a-z]+)/gi, (_, key: string) => encodeURIComponent(params?.[key] ?? ""));
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return given.length === 0
    ? path
    : `${path}?${new URLSearchParams(given.map(([key, value]) => [key, `${value}`] as [string, string])).toString()}`;
}

type Query = Readonly<Record<string, string | number | undefined>>;
