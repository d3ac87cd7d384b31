import * as z from "zod";

/**
 * The fencing token. A grant is numbered by an epoch that only grows per service; whatever is older than the
 * current epoch may change nothing. A bigint, because a counter that must never wrap has no business being a
 * double. Written as a decimal string in JSON.
 */
export type Epoch = bigint;

/** Decimal string in JSON, bigint in memory. */
export const epochSchema = z.codec(
  z.string().regex(/^(0|[1-9][0-9]{0,38})$/, "an epoch is a decimal number"),
  z.bigint(),
  {
    decode: (text) => BigInt(text),
    encode: (epoch) => epoch.toString(),
  },
);

/** Letters, digits and inner dashes: a service name is a path segment in the store and a label elsewhere. */
export const serviceNameSchema = z
  .string()
  .regex(
    /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
    "a service name has 1 to 63 lower-case letters, digits or inner dashes",
  );
export type ServiceName = string;

/** One attempt to run a service. Fresh for every start, never reused (a UUID). */
export type RunId = string;
export const runIdSchema = z.string().min(8).max(64);

/** A machine as the orchestrator knows it. */
export type AgentId = string;
export const agentIdSchema = z.string().min(1).max(255);
