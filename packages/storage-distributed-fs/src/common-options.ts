import { type ControlTarget, controlTargetSchema } from "@holdfast/core";
import * as z from "zod";

/** One target may stand without a list. */
function isOne(given: unknown): boolean {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}

/** What every distributed file system of this package is told in the same words. */
export const commonOptions = {
  servers: z.array(z.string().min(1)).min(1).describe("Host names or addresses; all are tried, in this order."),
  control: z
    .preprocess((given) => (isOne(given) ? [given] : given), z.array(controlTargetSchema))
    .default([])
    .describe("Where the servers are administered, tried in this order. Without it nothing is fenced: lease-only."),
  agents: z
    .record(z.string(), z.string().min(1))
    .default({})
    .describe("Agent id → its address as the servers see it. Default: the agent id is its host name or address."),
  mountTimeoutMs: z.int().min(1_000).default(20_000).describe("Until a fresh mount must answer."),
  callTimeoutMs: z.int().min(500).default(5_000).describe("Until a call on the mounted volume is given up."),
  controlTimeoutMs: z.int().min(1_000).default(30_000).describe("Until one administrative command is given up."),
  lockProbe: z
    .enum(["second-client", "off"])
    .default("second-client")
    .describe(
      "`verify` mounts a second client for a moment and sees whether it is refused a lock that the first holds.",
    ),
} as const;

/** What the strategy itself reads of any file system's options. */
export interface CommonOptions {
  readonly type: string;
  readonly control: readonly ControlTarget[];
  readonly agents: Readonly<Record<string, string>>;
  readonly mountTimeoutMs: number;
  readonly callTimeoutMs: number;
  readonly controlTimeoutMs: number;
  readonly lockProbe: "second-client" | "off";
}

export function agentAddress(options: Pick<CommonOptions, "agents">, agent: string): string {
  return options.agents[agent] ?? agent;
}
