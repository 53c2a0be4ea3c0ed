// Turns the text of config.toml into the daemon's settings. An unknown key is refused rather than ignored: a typing mistake
// would otherwise pass for a setting that has no effect.
import { invalidConfig, KeyPositions, parseConfigText, type ConfigText, type Problem } from "@banger/api/config-file";
import { configOf, SETTINGS, type List, type Table } from "./settings.ts";
import type { Config } from "./contract.ts";
import { nearest } from "./nearest.ts";

export interface ConfigSource extends ConfigText {
  /** What `~/` stands for. */
  readonly home: string;
}

/** Throws `config.invalid` with `file:line:column` of the first problem; all of them are in its details. */
export function parseConfig(source: ConfigSource): Config {
  const document = parseConfigText(source);
  const positions = new KeyPositions(source.text);
  const problems: Problem[] = [];
  const settings = readTable(document, SETTINGS, {
    path: [],
    home: source.home,
    report: (path, problem) => problems.push({ ...(positions.of(path) ?? { line: 1, column: 1 }), ...problem }),
  });
  const [first, ...others] = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  if (first !== undefined) throw invalidConfig(source.file, [first, ...others]);
  return configOf(settings);
}

interface Reading {
  readonly path: readonly string[];
  readonly home: string;
  report(path: readonly string[], problem: { readonly message: string; readonly hint: string }): void;
}

function readTable(values: Readonly<Record<string, unknown>>, known: Table, reading: Reading): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    const path = [...reading.path, key];
    const setting = Object.hasOwn(known, key) ? known[key] : undefined;
    if (setting === undefined) {
      reading.report(path, unknownKey(path, known));
    } else if (typeof setting === "function") {
      try {
        result[key] = setting(value, reading.home);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        reading.report(path, {
          message: `${path.filter((part) => !/^\d+$/.test(part)).join(".")} is ${shown(value)}`,
          hint: `write ${error.message}`,
        });
      }
    } else if (isList(setting)) {
      result[key] = readList(value, setting, { ...reading, path });
    } else if (isTable(value)) {
      result[key] = readTable(value, setting, { ...reading, path });
    } else {
      reading.report(path, { message: `${path.join(".")} is ${shown(value)}, not a table`, hint: `write [${key}] with keys below it` });
    }
  }
  return result;
}

function isList(setting: Table | List): setting is List {
  return setting["kind"] === "list";
}

function readList(value: unknown, { of, required }: List, reading: Reading): readonly unknown[] {
  const { path } = reading;
  if (!Array.isArray(value) || !value.every(isTable)) {
    reading.report(path, {
      message: `${path.join(".")} is ${shown(value)}, not a list of tables`,
      hint: `write [[${path.join(".")}]] with keys below it`,
    });
    return [];
  }
  return value.map((item: Readonly<Record<string, unknown>>, index) => {
    const missing = required.filter((key) => !Object.hasOwn(item, key));
    if (missing.length > 0)
      reading.report(
        [
          ...path,
          ...Object.keys(item)
            .slice(0, 1)
            .flatMap((key) => [`${index}`, key]),
        ],
        {
          message: `${path.join(".")} has no ${missing.join(" and no ")}`,
          hint: `write ${missing.join(" = …, ")} = … below its [[${path.join(".")}]]`,
        },
      );
    return readTable(item, of, { ...reading, path: [...path, `${index}`] });
  });
}

function unknownKey(path: readonly string[], known: Table): { readonly message: string; readonly hint: string } {
  const key = path.at(-1) ?? "";
  const table = path
    .slice(0, -1)
    .filter((part) => !/^\d+$/.test(part))
    .join(".");
  const guess = nearest(key, Object.keys(known));
  return {
    message: `unknown key ${JSON.stringify(key)}${table === "" ? "" : ` in [${table}]`}`,
    hint: guess === undefined ? `known here: ${Object.keys(known).join(", ")}` : `did you mean ${guess}?`,
  };
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  if (isTable(value)) return "a table";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
