import { z } from "zod";

// Written from the published RAML (api/v2/types). Unknown fields are dropped without a word, as Marathon does.

const int = (min: number) => z.int().min(min);
const anyPort = z.int().min(0).max(65_535);
const labels = z.record(z.string(), z.string());
const portProtocol = z.enum(["tcp", "udp", "udp,tcp"]);
const readMode = z.enum(["RO", "RW"]);
const legacyName = z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);

const healthCheckSchema = z.object({
  protocol: z.enum(["HTTP", "HTTPS", "TCP", "COMMAND", "MESOS_TCP", "MESOS_HTTP", "MESOS_HTTPS"]).default("HTTP"),
  command: z.object({ value: z.string() }).optional(),
  path: z.string().optional(),
  port: anyPort.optional(),
  portIndex: anyPort.optional(),
  ipProtocol: z.enum(["IPv4", "IPv6"]).default("IPv4"),
  ignoreHttp1xx: z.boolean().optional(),
  gracePeriodSeconds: int(0).default(300),
  intervalSeconds: int(0).default(60),
  timeoutSeconds: int(0).default(20),
  maxConsecutiveFailures: int(0).default(3),
  delaySeconds: int(0).default(15),
});

const mesosCommand = z.union([z.object({ shell: z.string().min(1) }), z.object({ argv: z.array(z.string()).min(1) })]);
const checkPort = { port: anyPort.optional(), portIndex: anyPort.optional() };
const checkSchema = z.object({
  http: z
    .object({ ...checkPort, path: z.string().optional(), scheme: z.enum(["HTTP", "HTTPS"]).default("HTTP") })
    .optional(),
  tcp: z.object(checkPort).optional(),
  exec: z.object({ command: mesosCommand }).optional(),
  intervalSeconds: int(0).default(60),
  timeoutSeconds: int(0).default(20),
  delaySeconds: int(0).default(15),
});

const readinessCheckSchema = z.object({
  name: z.string().min(1).default("readinessCheck"),
  protocol: z.enum(["HTTP", "HTTPS"]).default("HTTP"),
  path: z.string().min(1).default("/"),
  portName: legacyName.default("http-api"),
  intervalSeconds: int(0).default(30),
  timeoutSeconds: int(1).default(10),
  httpStatusCodesForReady: z.array(int(100).max(999)).min(1).default([200]),
  preserveLastResponse: z.boolean().default(false),
});

const persistentSchema = z.object({
  type: z.enum(["root", "path", "mount"]).optional(),
  size: int(0),
  maxSize: int(0).optional(),
  profileName: z.string().optional(),
  constraints: z.array(z.array(z.string()).min(2).max(3)).optional(),
});
const externalSchema = z.object({
  size: int(0).optional(),
  name: z.string().optional(),
  provider: z.string().optional(),
  options: z.record(z.string(), z.unknown()).optional(),
  shared: z.boolean().default(false),
});
const volumeSchema = z.union([
  z.object({ containerPath: z.string().min(1), mode: readMode, persistent: persistentSchema }),
  z.object({ containerPath: z.string().min(1), mode: readMode, external: externalSchema }),
  z.object({ containerPath: z.string().min(1), secret: z.string().min(1) }),
  z.object({ containerPath: z.string().min(1), mode: readMode, hostPath: z.string().min(1) }),
]);

const portMappingSchema = z.object({
  containerPort: anyPort.default(0),
  hostPort: anyPort.optional(),
  servicePort: anyPort.default(0),
  name: legacyName.optional(),
  protocol: portProtocol.default("tcp"),
  labels: labels.default({}),
  networkNames: z.array(z.string()).optional(),
});
const containerSchema = z.object({
  type: z.enum(["MESOS", "DOCKER"]).default("DOCKER"),
  docker: z
    .object({
      image: z.string().min(1),
      forcePullImage: z.boolean().default(false),
      parameters: z.array(z.object({ key: z.string().min(1), value: z.string() })).default([]),
      privileged: z.boolean().optional(),
      pullConfig: z.object({ secret: z.string().min(1) }).optional(),
    })
    .optional(),
  linuxInfo: z.unknown().optional(),
  volumes: z.array(volumeSchema).default([]),
  portMappings: z.array(portMappingSchema).optional(),
});

const unreachableStrategySchema = z.union([
  z.literal("disabled"),
  z.object({ inactiveAfterSeconds: int(0).default(0), expungeAfterSeconds: int(0).default(0) }),
]);

const resourceLimit = z.union([z.literal("unlimited"), z.number()]);

/** An app as a client may send it, before Marathon's own defaults that depend on the rest of the definition. */
export const appSchema = z.object({
  id: z.string().min(1),
  cmd: z.string().min(1).optional(),
  args: z.array(z.string()).optional(),
  acceptedResourceRoles: z.array(z.string()).optional(),
  backoffFactor: z.number().min(1).default(1.15),
  backoffSeconds: int(0).default(1),
  maxLaunchDelaySeconds: int(0).default(300),
  check: checkSchema.optional(),
  constraints: z.array(z.array(z.string()).min(2).max(3)).default([]),
  container: containerSchema.optional(),
  cpus: z.number().min(0).default(1),
  mem: z.number().min(0).default(128),
  disk: z.number().min(0).default(0),
  gpus: int(0).default(0),
  dependencies: z.array(z.string()).default([]),
  env: z.record(z.string(), z.union([z.string(), z.object({ secret: z.string() })])).default({}),
  executor: z.string().default(""),
  executorResources: z
    .object({ cpus: z.number().optional(), mem: z.number().optional(), disk: z.number().optional() })
    .optional(),
  fetch: z
    .array(
      z.object({
        uri: z.string().min(1).max(1_024),
        extract: z.boolean().default(true),
        executable: z.boolean().default(false),
        cache: z.boolean().default(false),
        destPath: z.string().min(1).optional(),
      }),
    )
    .default([]),
  healthChecks: z.array(healthCheckSchema).default([]),
  instances: int(0).default(1),
  killSelection: z.enum(["YOUNGEST_FIRST", "OLDEST_FIRST"]).default("YOUNGEST_FIRST"),
  labels: labels.default({}),
  networks: z
    .array(
      z.object({
        name: z.string().optional(),
        mode: z.enum(["container", "container/bridge", "host"]).default("container"),
        labels: labels.optional(),
      }),
    )
    .optional(),
  portDefinitions: z
    .array(
      z.object({
        port: anyPort.default(0),
        name: legacyName.optional(),
        protocol: portProtocol.default("tcp"),
        labels: labels.default({}),
      }),
    )
    .optional(),
  readinessChecks: z.array(readinessCheckSchema).default([]),
  requirePorts: z.boolean().default(false),
  residency: z
    .object({
      relaunchEscalationTimeoutSeconds: int(0).default(3_600),
      taskLostBehavior: z.enum(["WAIT_FOREVER", "RELAUNCH_AFTER_TIMEOUT"]).default("WAIT_FOREVER"),
    })
    .optional(),
  resourceLimits: z.object({ cpus: resourceLimit.optional(), mem: resourceLimit.optional() }).optional(),
  role: z.string().min(1).optional(),
  secrets: z.record(z.string(), z.object({ source: z.string().min(1) })).default({}),
  taskKillGracePeriodSeconds: int(0).optional(),
  tty: z.boolean().optional(),
  unreachableStrategy: unreachableStrategySchema.optional(),
  // Both members are needed when it is given as an object: the RAML has no default for them (facts 2).
  upgradeStrategy: z.object({ maximumOverCapacity: z.number(), minimumHealthCapacity: z.number() }).optional(),
  user: z.string().optional(),
});

export type RequestedApp = z.output<typeof appSchema>;
export type HealthCheck = RequestedApp["healthChecks"][number];
export type ReadinessCheck = RequestedApp["readinessChecks"][number];
export type UnreachableStrategy = z.output<typeof unreachableStrategySchema>;
export type Volume = z.output<typeof volumeSchema>;

/** A stored app: everything that Marathon adds is there. */
export interface App extends RequestedApp {
  readonly networks: NonNullable<RequestedApp["networks"]>;
  readonly upgradeStrategy: NonNullable<RequestedApp["upgradeStrategy"]>;
  readonly unreachableStrategy: UnreachableStrategy;
  readonly role: string;
  readonly version: string;
  readonly versionInfo: { readonly lastScalingAt: string; readonly lastConfigChangeAt: string };
}

export function persistentVolumes(app: RequestedApp) {
  return (app.container?.volumes ?? []).filter((volume) => "persistent" in volume);
}

export function externalVolumes(app: RequestedApp) {
  return (app.container?.volumes ?? []).filter((volume) => "external" in volume);
}

export const isResident = (app: RequestedApp): boolean => persistentVolumes(app).length > 0;
export const runsOnAgent = (check: HealthCheck): boolean =>
  check.protocol === "COMMAND" || check.protocol.startsWith("MESOS_");
