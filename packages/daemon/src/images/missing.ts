// A file that is not there is an answer, not a failure; anything else is.

/** What `answer` resolves to; undefined when it fails because there is no such file. */
export async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
