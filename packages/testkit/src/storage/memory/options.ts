import { agentIdSchema, controlTargetSchema } from "@holdfast/core";
import * as z from "zod";

/** Options of a volume of the image strategy. */
export const imageOptionsSchema = z.strictObject({
  server: controlTargetSchema.describe("The server's program; the verb and its arguments are added."),
  volume: z.string().min(1),
  agents: z.record(agentIdSchema, z.string()).describe("Address of each agent, by which `cut` knows where it is."),
});
export type ImageOptions = z.output<typeof imageOptionsSchema>;
