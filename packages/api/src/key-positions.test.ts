import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "smol-toml";
import { KeyPositions } from "./key-positions.ts";

test("keys are found behind comments, strings that look like keys, headers and inline tables", () => {
  const source = [
    "# vcpu = 1",
    'note = """',
    "vcpu = 9",
    '""""" # two of the five quotes belong to the text',
    "path = 'C:\\' # a literal string has no escapes",
    "[ vm_defaults ] # [x]",
    "  vcpu = 2",
    '"disk_size" = [ "a", { b = 1, c = "}" }, ',
    "  2 ]",
    "nested.deep = { x = 1, 'y z' = [ { q = 2 } ], w = 1979-05-27 07:32:00 }",
    "[[list]]",
    "name = 1",
  ].join("\r\n");
  parse(source);
  const positions = new KeyPositions(source);
  const at = (...path: string[]) => {
    const found = positions.of(path);
    return found === undefined ? undefined : `${found.line}:${found.column}`;
  };
  assert.equal(at("note"), "2:1");
  assert.equal(at("vcpu"), undefined);
  assert.equal(at("path"), "5:1");
  assert.equal(at("vm_defaults"), "6:3");
  assert.equal(at("vm_defaults", "vcpu"), "7:3");
  assert.equal(at("vm_defaults", "disk_size"), "8:1");
  assert.equal(at("vm_defaults", "nested"), "10:1");
  assert.equal(at("vm_defaults", "nested", "deep"), "10:8");
  assert.equal(at("vm_defaults", "nested", "deep", "y z"), "10:24");
  assert.equal(at("vm_defaults", "nested", "deep", "w"), "10:47");
  assert.equal(at("list"), "11:3");
  assert.equal(at("list", "0", "name"), "12:1");
  assert.equal(at("vm_defaults", "disk_size", "1", "b"), "8:24");
});

const bareKey = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/);
const anyKey = fc.oneof(
  bareKey,
  fc.string({ maxLength: 6 }).map((text) => JSON.stringify(text).replaceAll("\u007f", "\\u007f")),
  fc.stringMatching(/^[ -&(-~]{0,6}$/).map((text) => `'${text}'`),
);
const gap = fc.constantFrom("", " ", "\t");
const text = fc.oneof(
  fc.string({ maxLength: 8 }).map((value) => JSON.stringify(value).replaceAll("\u007f", "\\u007f")),
  fc.stringMatching(/^[ -&(-~]{0,8}$/).map((value) => `'${value}'`),
  fc.stringMatching(/^[ -!#-[\]-~\n]{0,8}$/).chain((value) => fc.constantFrom("", '"', '""').map((quotes) => `"""${value}${quotes}"""`)),
  fc.stringMatching(/^[ -&(-~\n]{0,8}$/).chain((value) => fc.constantFrom("", "'", "''").map((quotes) => `'''${value}${quotes}'''`)),
);
const { value } = fc.letrec<{ value: string; list: string; table: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    text,
    fc.constantFrom("1", "-2.5", "true", "1979-05-27 07:32:00", "0x1F", "inf"),
    tie("list"),
    tie("table"),
  ),
  list: fc
    .tuple(fc.array(tie("value"), { maxLength: 3 }), fc.constantFrom(",", " , ", "\n,# ]\n"))
    .map(([items, comma]) => `[${items.join(comma)}]`),
  table: fc
    .array(fc.tuple(anyKey, gap, tie("value")), { maxLength: 3 })
    .map((pairs) => `{${pairs.map(([key, space, item]) => `${space}${key}${space}=${space}${item}`).join(",")}}`),
}));
const line = fc.oneof(
  fc
    .tuple(fc.array(anyKey, { minLength: 1, maxLength: 3 }), gap, value)
    .map(([keys, space, item]) => `${space}${keys.join(`${space}.${space}`)}${space}=${space}${item} # a = 1`),
  fc.tuple(fc.array(anyKey, { minLength: 1, maxLength: 2 }), gap).map(([keys, space]) => `${space}[${space}${keys.join(".")}${space}]`),
  anyKey.map((key) => `[[${key}]]`),
  fc.constantFrom("", "# comment = 'x", "\t"),
);

test("in any document smol-toml accepts, every key has a position, nothing else has, and the key is written there", () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.constantFrom("\n", "\r\n"), (lines, newline) => {
      const source = lines.join(newline);
      const document = parsed(source);
      if (document === undefined) return;
      accepted += 1;
      const positions = new KeyPositions(source);
      for (const path of pathsOf(document)) {
        const found = positions.of(path);
        assert.ok(found !== undefined, `${JSON.stringify(path)} has no position`);
        const rest = source
          .split(/\r?\n/)
          .slice(found.line - 1)
          .join("\n")
          .slice(found.column - 1);
        assert.equal(keyAt(rest), path.at(-1));
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(accepted > 500, `only ${accepted} documents were valid`);
});

function parsed(source: string): Record<string, unknown> | undefined {
  try {
    return parse(source);
  } catch {
    return undefined;
  }
}

/** Paths of all keys that are not inside a list. */
function pathsOf(node: Record<string, unknown>, prefix: readonly string[] = []): string[][] {
  return Object.entries(node).flatMap(([key, child]) => {
    const path = [...prefix, key];
    const isTable = typeof child === "object" && child !== null && !Array.isArray(child) && !(child instanceof Date);
    return [path, ...(isTable ? pathsOf(child as Record<string, unknown>, path) : [])];
  });
}

/** The key that begins `rest`, read by smol-toml itself. */
function keyAt(rest: string): string | undefined {
  const written = /^(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*')/.exec(rest)?.[0];
  return written === undefined ? undefined : Object.keys(parse(`${written} = 1`))[0];
}
