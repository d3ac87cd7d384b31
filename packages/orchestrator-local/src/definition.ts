import { createHash } from "node:crypto";
import { agentIdSchema, canonicalJson, HoldfastError, serviceNameSchema } from "@holdfast/core";
import * as z from "zod";

/**
 * What the local orchestrator runs: the shape of a Marathon app, cut down to what one instance of a stateful service
 * needs. Strings in `argv` and `env` may hold placeholders, because one definition serves every agent:
 * `{{agent}}`, `{{agentDir}}`, `{{sandbox}}`, `{{bind}}`.
 */
export const localDefinitionSchema = z.strictObject({
  v: z.literal(1),
  id: serviceNameSchema,
  instances: z.literal(1),
  argv: z.tuple([z.string().min(1)], z.string()),
  env: z.record(z.string(), z.string()).default({}),
  /** Agents that may run it; null = any. */
  agents: z.array(agentIdSchema).nullable().default(null),
  /** From the stop signal to SIGKILL of everything of the task. */
  killGraceMs: z.int().min(0),
  backoff: z.strictObject({
    firstMs: z.int().min(0).default(1_000),
    factor: z.number().min(1).default(1.15),
    maxMs: z.int().min(0).default(300_000),
  }),
  health: z.strictObject({
    /** Failures before the first success do not count for this long. */
    graceMs: z.int().min(0).default(20_000),
    intervalMs: z.int().min(50).default(500),
    timeoutMs: z.int().min(50).default(500),
    failuresMax: z.int().min(1).default(3),
  }),
});
export type LocalDefinition = z.output<typeof localDefinitionSchema>;

/** @throws `INVALID_SPEC` naming the field. */
export function parseDefinition(definition: unknown): LocalDefinition {
  const parsed = localDefinitionSchema.safeParse(definition);
  if (parsed.success) return parsed.data;
  throw new HoldfastError("INVALID_SPEC", `Not a local definition: ${z.prettifyError(parsed.error)}`, {
    hint: "Compile it from a service; see `lint` for definitions from elsewhere.",
    cause: parsed.error,
  });
}

/** Equal definitions have equal versions, whatever the order of their keys; another version means a restart. */
export function definitionVersion(definition: LocalDefinition): string {
  return createHash("sha256").update(canonicalJson(definition)).digest("hex").slice(0, 16);
}

/** What an agent puts in the place of the placeholders. */
export interface PlaceholderValues {
  readonly agent: string;
  /** The agent's own directory: where its way to the store begins. */
  readonly agentDir: string;
  /** This task's own directory. */
  readonly sandbox: string;
  /** Address that the application should listen on. */
  readonly bind: string;
}

/** Pure. An unknown placeholder stays as it is: it may be the application's own. */
export function fillPlaceholders(text: string, values: PlaceholderValues): string {
  return text.replace(/\{\{(agent|agentDir|sandbox|bind)\}\}/g, (_, name: keyof PlaceholderValues) => values[name]);
}
