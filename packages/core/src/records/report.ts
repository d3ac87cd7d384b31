import * as z from "zod";
import { recordFormat } from "./codec.js";

/** What `holdfast run --report FILE` leaves behind: so that nobody must guess whose exit code it was. */
export const runReportSchema = z.looseObject({
  v: z.literal(1),
  service: z.string(),
  run: z.string(),
  agent: z.string(),
  /** Decimal; null when no grant was won. */
  epoch: z.string().nullable(),
  exitCode: z.int(),
  /** Whose number the exit code is. */
  origin: z.enum(["application", "holdfast"]),
  /** Stable error code when `origin` is holdfast. */
  code: z.string().nullable(),
  cause: z.string(),
  hint: z.string().nullable(),
  signal: z.string().nullable(),
  released: z.boolean(),
  protection: z.string(),
  grade: z.string(),
  /** What the time between the grant and the start went into. */
  takeover: z.array(z.object({ name: z.string(), ms: z.number() })).default([]),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
});
export type RunReport = z.output<typeof runReportSchema>;
export const runReportFormat = recordFormat("run report", 1, runReportSchema);

/** What a run says of itself on its status socket; `holdfast health` decides from it. */
export const runStatusSchema = z.looseObject({
  v: z.literal(1),
  service: z.string(),
  run: z.string(),
  pid: z.int(),
  phase: z.enum([
    "connecting",
    "waiting-for-lease",
    "waiting-for-claim",
    "preparing",
    "running",
    "stopping",
    "releasing",
    "ended",
  ]),
  /** Seconds since this phase began, and the limit after which `health` calls it stuck; null = none. */
  phaseMs: z.number(),
  phaseLimitMs: z.number().nullable(),
  epoch: z.string().nullable(),
  holder: z.string().nullable(),
  /** Milliseconds left of the grant now, and the least seen since start. */
  leaseMarginMs: z.number().nullable(),
  leaseMarginMsMin: z.number().nullable(),
  renewals: z.int(),
  lockProcessRestarts: z.int(),
  volumeCheckAgeMs: z.number().nullable(),
  /** Worst event-loop delay of the lock process since start. */
  eventLoopDelayMsMax: z.number().nullable(),
  protection: z.string(),
  grade: z.string(),
  takeover: z.array(z.object({ name: z.string(), ms: z.number() })).default([]),
  /** What is under way before the start: a repair, a restore. */
  progress: z
    .looseObject({ done: z.number(), total: z.number().nullable(), what: z.string() })
    .nullable()
    .default(null),
});
export type RunStatus = z.output<typeof runStatusSchema>;
export const runStatusFormat = recordFormat("run status", 1, runStatusSchema);
