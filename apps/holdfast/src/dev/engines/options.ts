import * as z from "zod";
import type { DemoEngineOptions } from "./types.js";

export const demoEngineOptionsSchema = z.strictObject({
  user: z.string().nullable().default(null),
}) satisfies z.ZodType<DemoEngineOptions>;

export function userOf(options: unknown): string | null {
  return demoEngineOptionsSchema.parse(options).user;
}
