// Why something failed, whole: an error's stack leaves out what it wraps, and that is often the reason.

/** The first failure, then what failed while it was cleaned up, then the causes of each. */
export function failureText(error: unknown): string {
  return parts(error).join("\n");
}

export function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

function parts(error: unknown): readonly string[] {
  // `await using`: what the block threw is suppressed by what its disposal throws.
  if (error instanceof SuppressedError) return [...parts(error.suppressed), "then, while it was cleaned up:", ...parts(error.error)];
  if (!(error instanceof Error)) return [String(error)];
  const wrapped: readonly unknown[] = error instanceof AggregateError ? error.errors : error.cause === undefined ? [] : [error.cause];
  return [error.stack ?? error.message, ...wrapped.flatMap((each) => ["because of:", ...parts(each)])];
}
