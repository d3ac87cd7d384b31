import * as z from "zod";

/**
 * The part of an app definition that is looked at, in the types that Marathon's contract gives it; other members are
 * let through. `null` is how a client says "absent", so it is taken for that.
 */
const optional = <T extends z.ZodType>(type: T) =>
  z.preprocess((value) => (value === null ? undefined : value), type.optional());

const texts = z.record(z.string(), z.string());

const persistentSchema = z.looseObject({
  type: optional(z.string()),
  size: optional(z.number()),
  maxSize: optional(z.number()),
  constraints: optional(z.array(z.array(z.string()))),
});

const externalSchema = z.looseObject({
  provider: optional(z.string()),
  name: optional(z.string()),
  size: optional(z.number()),
  options: optional(z.record(z.string(), z.unknown())),
});

const volumeSchema = z.looseObject({
  containerPath: optional(z.string()),
  hostPath: optional(z.string()),
  mode: optional(z.string()),
  persistent: optional(persistentSchema),
  external: optional(externalSchema),
  secret: optional(z.string()),
});

const portMappingsSchema = z.array(z.looseObject({ name: optional(z.string()) }));

const containerSchema = z.looseObject({
  type: optional(z.string()),
  docker: optional(
    z.looseObject({
      image: optional(z.string()),
      forcePullImage: optional(z.boolean()),
      network: optional(z.string()),
      portMappings: optional(portMappingsSchema),
      parameters: optional(z.array(z.looseObject({ key: optional(z.string()), value: optional(z.string()) }))),
    }),
  ),
  portMappings: optional(portMappingsSchema),
  volumes: optional(z.array(volumeSchema)),
});

const healthCheckSchema = z.looseObject({
  protocol: optional(z.string()),
  command: optional(z.looseObject({ value: optional(z.string()) })),
  portIndex: optional(z.number()),
  port: optional(z.number()),
  gracePeriodSeconds: optional(z.number()),
  maxConsecutiveFailures: optional(z.number()),
});

const readinessCheckSchema = z.looseObject({
  protocol: optional(z.string()),
  portName: optional(z.string()),
  intervalSeconds: optional(z.number()),
  timeoutSeconds: optional(z.number()),
});

export const appSchema = z.looseObject({
  id: optional(z.string()),
  cmd: optional(z.string()),
  args: optional(z.array(z.string())),
  instances: optional(z.int().min(0)),
  cpus: optional(z.number()),
  mem: optional(z.number()),
  disk: optional(z.number()),
  gpus: optional(z.number()),
  env: optional(z.record(z.string(), z.union([z.string(), z.looseObject({ secret: z.string() })]))),
  secrets: optional(z.record(z.string(), z.looseObject({ source: z.string() }))),
  labels: optional(texts),
  upgradeStrategy: optional(
    z.looseObject({
      minimumHealthCapacity: optional(z.number().min(0).max(1)),
      maximumOverCapacity: optional(z.number().min(0).max(1)),
    }),
  ),
  unreachableStrategy: optional(
    z.union([
      z.literal("disabled"),
      z.looseObject({
        inactiveAfterSeconds: optional(z.int().min(0)),
        expungeAfterSeconds: optional(z.int().min(0)),
      }),
    ]),
  ),
  killSelection: optional(z.enum(["YOUNGEST_FIRST", "OLDEST_FIRST"])),
  taskKillGracePeriodSeconds: optional(z.number().min(0)),
  backoffSeconds: optional(z.number().min(0)),
  backoffFactor: optional(z.number().min(1)),
  maxLaunchDelaySeconds: optional(z.number().min(0)),
  constraints: optional(z.array(z.array(z.string()))),
  acceptedResourceRoles: optional(z.array(z.string())),
  container: optional(containerSchema),
  networks: optional(z.array(z.looseObject({ mode: optional(z.string()), name: optional(z.string()) }))),
  portDefinitions: optional(z.array(z.looseObject({ port: optional(z.number()), name: optional(z.string()) }))),
  ports: optional(z.array(z.number())),
  requirePorts: optional(z.boolean()),
  healthChecks: optional(z.array(healthCheckSchema)),
  readinessChecks: optional(z.array(readinessCheckSchema)),
  fetch: optional(
    z.array(
      z.looseObject({
        uri: z.string(),
        extract: optional(z.boolean()),
        executable: optional(z.boolean()),
        cache: optional(z.boolean()),
        destPath: optional(z.string()),
      }),
    ),
  ),
  uris: optional(z.array(z.string())),
  user: optional(z.string()),
});
/** A definition in its right types, defaults not filled in. */
export type AppDefinition = z.output<typeof appSchema>;
export type AppVolume = z.output<typeof volumeSchema>;
export type AppHealthCheck = z.output<typeof healthCheckSchema>;

/** Fields of the contract that are not looked at (`app.raml`, and the older ones that Marathon translates). */
export const OTHER_FIELDS: ReadonlySet<string> = new Set(
  "check dependencies executor executorResources gpus ipAddress residency resourceLimits role storeUrls tty version versionInfo".split(
    " ",
  ),
);

/** What Marathon adds when it is asked for an app; no part of its definition. */
export const READ_ONLY_FIELDS: ReadonlySet<string> = new Set(
  "deployments lastTaskFailure readinessCheckResults taskStats tasks tasksHealthy tasksRunning tasksStaged tasksUnhealthy version versionInfo".split(
    " ",
  ),
);

export const SINGLE_INSTANCE_LABEL = "MARATHON_SINGLE_INSTANCE_APP";
