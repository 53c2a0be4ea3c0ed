// A daemon as far as pulling goes, for tests that kill it: `node pull.test-support.ts DIRECTORY`. One line of JSON an event.
import { testBuilderHost, tinyImages } from "./test-builder.ts";

const [dir = ""] = process.argv.slice(2);
const host = await testBuilderHost(process.env["PATH"] ?? "", process.getuid?.() ?? 0);
const images = await tinyImages(dir, host);
await images.pull("tiny", {
  signal: new AbortController().signal,
  progress: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
});
