import * as z from "zod";
import { checkSchema, healthCheckSchema, readinessCheckSchema } from "./checks.js";
import { containerSchema, networkSchema, portDefinitionSchema } from "./container.js";

/**
 * Names of digits, small letters, dots and dashes (no `_`), as `PathId` in `stringTypes.raml`, but absolute and without
 * `..`: an id becomes part of a URL, and nothing may lead out of its place there.
 */
const NAME = "(?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])";
const APP_ID = new RegExp(`^(?:/${NAME}(?:\\.${NAME})*)+$`);

/** `/db/orders`. The last name is none of those that stand for something else in a URL. */
export const appIdSchema = z
  .string()
  .regex(APP_ID, "an app id has the form /name/name, of small letters, digits, dashes and dots")
  .refine((id) => !/\/(?:restart|tasks|versions)$/.test(id), "restart, tasks and versions have a meaning of their own");

const labels = z.record(z.string(), z.string());
const limit = z.union([z.literal("unlimited"), z.number()]);

const fields = {
  cmd: z.string().min(1).optional(),
  args: z.array(z.string()).optional(),
  user: z.string().optional(),
  env: z.record(z.string(), z.union([z.string(), z.strictObject({ secret: z.string() })])).optional(),
  secrets: z.record(z.string(), z.strictObject({ source: z.string().min(1) })).optional(),
  instances: z.int().min(0).optional(),
  cpus: z.number().min(0.001).optional(),
  mem: z.number().min(0).optional().describe("MiB"),
  disk: z.number().min(0).optional().describe("MiB of sandbox"),
  gpus: z.int().min(0).optional(),
  resourceLimits: z.strictObject({ cpus: limit.optional(), mem: limit.optional() }).optional(),
  executor: z.string().optional(),
  executorResources: z
    .strictObject({
      cpus: z.number().min(0.1).optional(),
      mem: z.number().min(32).optional(),
      disk: z.number().min(10).optional(),
    })
    .optional(),
  constraints: z.array(z.array(z.string()).min(2).max(3)).optional(),
  acceptedResourceRoles: z.array(z.string()).optional(),
  role: z.string().min(1).optional(),
  dependencies: z.array(z.string()).optional(),
  fetch: z
    .array(
      z.strictObject({
        uri: z.string().min(1).max(1_024),
        extract: z.boolean().optional(),
        executable: z.boolean().optional(),
        cache: z.boolean().optional(),
        destPath: z.string().min(1).max(1_024).optional(),
      }),
    )
    .optional(),
  container: containerSchema.optional(),
  networks: z.array(networkSchema).optional(),
  portDefinitions: z.array(portDefinitionSchema).optional(),
  requirePorts: z.boolean().optional(),
  labels: labels.optional(),
  healthChecks: z.array(healthCheckSchema).optional(),
  check: checkSchema.optional(),
  readinessChecks: z.array(readinessCheckSchema).optional(),
  backoffSeconds: z.int().min(0).optional(),
  backoffFactor: z.number().min(1).optional(),
  maxLaunchDelaySeconds: z.int().min(0).optional(),
  taskKillGracePeriodSeconds: z.int().min(0).optional(),
  killSelection: z.enum(["YOUNGEST_FIRST", "OLDEST_FIRST"]).optional(),
  upgradeStrategy: z
    .strictObject({ minimumHealthCapacity: z.number().min(0).max(1), maximumOverCapacity: z.number().min(0).max(1) })
    .optional(),
  unreachableStrategy: z
    .union([
      z.literal("disabled"),
      z.strictObject({
        inactiveAfterSeconds: z.int().min(0).optional(),
        expungeAfterSeconds: z.int().min(0).optional(),
      }),
    ])
    .optional(),
  tty: z.boolean().optional(),
};

/**
 * An app as it is written. Strict, because Marathon ignores what it does not know without a word, and so a misspelt
 * `unreachableStrategy` would be two writers. Fields that Marathon translates and never returns (`ports`, `uris`,
 * `ipAddress`, `docker.network`) and those without effect (`residency`) are not here. Source: `types/app.raml`, 1.10.
 */
export const appDefinitionSchema = z.strictObject({ id: appIdSchema, ...fields });
export type AppDefinition = z.output<typeof appDefinitionSchema>;

/** What a PATCH may carry. */
export const appPatchSchema = z.strictObject(fields);
export type AppPatch = z.output<typeof appPatchSchema>;
