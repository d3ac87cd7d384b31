import * as z from "zod";
import { serviceNameSchema } from "../ids.js";
import { recordFormat } from "./codec.js";

/** What an operator wants of one service; at `services/<name>/catalogue`. Changed by version-checked writes only. */
export const catalogueRecordSchema = z.looseObject({
  v: z.literal(1),
  service: serviceNameSchema,
  /** Grows with every change; says which definition a decision was about. */
  generation: z.int().min(1),
  /** `destroyed`: stopped for good. The record stays, as its lease does, so that no number begins anew. */
  desired: z.enum(["running", "destroyed"]),
  /**
   * The service after defaults, so that a later version with other defaults restarts nothing. Checked where it is used
   * and not here: one that this program cannot run must not make the record unreadable.
   */
  definition: z.record(z.string(), z.json()),
  /** Who applied it, when, and the plan that was agreed to. */
  by: z.string().max(200),
  at: z.iso.datetime(),
  planHash: z.string().max(64),
});
export type CatalogueRecord = z.output<typeof catalogueRecordSchema>;
export const catalogueRecordFormat = recordFormat("catalogue", 1, catalogueRecordSchema);
