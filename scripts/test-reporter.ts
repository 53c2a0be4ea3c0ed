// The runner's own spec report, with its closing counts as `# tests N`, the form TAP gave them and scripts look for.
import { Readable } from "node:stream";
import { spec as SpecReporter } from "node:test/reporters";

export default async function* report(events: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const chunk of Readable.from(events).pipe(new SpecReporter())) {
    yield String(chunk).replaceAll(/ℹ (?=(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) )/g, "# ");
  }
}
