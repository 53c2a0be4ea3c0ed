// The raw body of a request, for a handler that may give up on it: destroying the request itself would take the connection along,
// and the answer with it.
import type { IncomingMessage } from "node:http";
import { PassThrough, type Readable } from "node:stream";

/** What is left of a body that its handler has destroyed is read and thrown away, so that the caller gets to read the answer. */
export function uploadBody(request: IncomingMessage): Readable {
  const body = new PassThrough({ highWaterMark: 512 * 1024 });
  request.once("close", () => {
    if (!request.readableEnded) body.destroy(new Error("the caller hung up"));
  });
  // The loss of the caller shows as the close.
  request.on("error", () => undefined);
  body.on("error", () => undefined);
  body.once("close", () => {
    request.unpipe(body);
    request.resume();
  });
  return request.pipe(body);
}
