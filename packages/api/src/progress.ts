// Progress of long work: facts, never text. Producers emit these; the CLI formats them.
import * as z from "zod/mini";
import { effectiveSpec, errorBody } from "./schemas.ts";

const at = { atMs: z.number().check(z.describe("Milliseconds since the operation began.")) };

export const progressEvent = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("operation"), id: z.string() }),
    z.object({ type: z.literal("stage.started"), stage: z.string(), ...at }),
    z.object({
      type: z.literal("stage.progress"),
      stage: z.string(),
      done: z.number(),
      total: z.nullable(z.number()),
      unit: z.string().check(z.describe("bytes, packages, files, ...")),
      files: z.optional(z.number().check(z.describe("Files done so far, where the unit is bytes."))),
      ...at,
    }),
    z.object({
      type: z.literal("stage.finished"),
      stage: z.string(),
      durationMs: z.number(),
      facts: z.optional(z.record(z.string(), z.union([z.string(), z.number()]))),
      ...at,
    }),
    z.object({ type: z.literal("warning"), code: z.string(), message: z.string(), hint: z.optional(z.string()) }),
    z.object({
      type: z.literal("image.missing"),
      image: z.string(),
      origin: z.string().check(z.describe("Where it now comes from: recipe, bundle or oci, with its reference.")),
    }),
    z.object({
      type: z.literal("spec"),
      name: z.string(),
      spec: effectiveSpec,
      driver: z.string(),
      accelerator: z.string(),
    }),
  ])
  .register(z.globalRegistry, { id: "ProgressEvent" });
export type ProgressEvent = z.infer<typeof progressEvent>;

const errorLine = z.object({ type: z.literal("error"), error: errorBody }).register(z.globalRegistry, { id: "ErrorLine" });

/** One line of an `application/x-ndjson` answer: any number of progress events, then one result or error. */
export const streamLineOf = <T extends z.ZodMiniType>(result: T) =>
  z.union([progressEvent, z.object({ type: z.literal("result"), result }), errorLine]);

export const streamLine = streamLineOf(z.unknown());
export type StreamLine = z.infer<typeof streamLine>;

/** Where long work reports to. */
export type ProgressSink = (event: ProgressEvent) => void;
