import * as z from "zod";

// Answers. Tolerant: what is not named here is kept as it came, so that another version of Marathon can be read; what is
// named and required is what callers decide on. Nulls were removed before (Marathon: null means absent).

const ports = z.array(z.int());
const identified = z.looseObject({ id: z.string() });

export const taskSchema = z.looseObject({
  id: z.string(),
  appId: z.string(),
  /**
   * Mesos's name, `TASK_RUNNING`. Not an enumeration: a state that we do not know must be seen, not refused. Note that
   * `TASK_STAGING` also stands for "not known to Mesos yet", and `TASK_GONE` also for gone by operator.
   */
  state: z.string(),
  host: z.string().optional(),
  slaveId: z.string().optional(),
  ports: ports.optional(),
  servicePorts: ports.optional(),
  ipAddresses: z.array(z.looseObject({ ipAddress: z.string(), protocol: z.string().optional() })).optional(),
  /** Absent while the task is not active. */
  stagedAt: z.string().optional(),
  startedAt: z.string().optional(),
  version: z.string().optional(),
  healthCheckResults: z.array(z.looseObject({ alive: z.boolean().optional() })).optional(),
  localVolumes: z
    .array(z.looseObject({ containerPath: z.string(), persistenceId: z.string(), uuid: z.string().optional() }))
    .optional(),
  role: z.string().optional(),
  region: z.string().optional(),
  zone: z.string().optional(),
});
export type MarathonTask = z.output<typeof taskSchema>;

export const appSchema = z.looseObject({
  id: z.string(),
  /** Grows with every change, scaling included. */
  version: z.string(),
  instances: z.int(),
  cpus: z.number().optional(),
  mem: z.number().optional(),
  disk: z.number().optional(),
  cmd: z.string().optional(),
  args: z.array(z.string()).optional(),
  env: z.record(z.string(), z.unknown()).optional(),
  labels: z.record(z.string(), z.string()).optional(),
  constraints: z.array(z.array(z.string())).optional(),
  container: z.looseObject({}).optional(),
  upgradeStrategy: z
    .looseObject({ minimumHealthCapacity: z.number().optional(), maximumOverCapacity: z.number().optional() })
    .optional(),
  unreachableStrategy: z
    .union([
      z.literal("disabled"),
      z.looseObject({ inactiveAfterSeconds: z.int().optional(), expungeAfterSeconds: z.int().optional() }),
    ])
    .optional(),
  versionInfo: z
    .looseObject({ lastScalingAt: z.string().optional(), lastConfigChangeAt: z.string().optional() })
    .optional(),
  tasksStaged: z.int().optional(),
  tasksRunning: z.int().optional(),
  tasksHealthy: z.int().optional(),
  tasksUnhealthy: z.int().optional(),
  deployments: z.array(identified).optional(),
  /** Only with `embed: ["apps.tasks"]`, or from `get`. */
  tasks: z.array(taskSchema).optional(),
  lastTaskFailure: z
    .looseObject({
      taskId: z.string(),
      state: z.string(),
      message: z.string().optional(),
      host: z.string().optional(),
      timestamp: z.string().optional(),
      version: z.string().optional(),
    })
    .optional(),
});
export type App = z.output<typeof appSchema>;

export const appAnswerSchema = z.looseObject({ app: appSchema });
export const appListSchema = z.looseObject({ apps: z.array(appSchema) });
export const taskListSchema = z.looseObject({ tasks: z.array(taskSchema) });
export const versionListSchema = z.looseObject({ versions: z.array(z.string()) });

export const deploymentResultSchema = z.looseObject({ deploymentId: z.string(), version: z.string() });
export type DeploymentResult = z.output<typeof deploymentResultSchema>;

/** What killing tasks answers: the tasks, one task, or with `scale` a deployment. */
export const killResultSchema = z.union([
  taskListSchema.transform(({ tasks }) => ({ kind: "tasks" as const, tasks })),
  z.looseObject({ task: taskSchema }).transform(({ task }) => ({ kind: "tasks" as const, tasks: [task] })),
  deploymentResultSchema.transform(({ deploymentId, version }) => ({
    kind: "deployment" as const,
    deploymentId,
    version,
  })),
]);
export type KillResult = z.output<typeof killResultSchema>;

const actionSchema = z.looseObject({
  action: z.string(),
  app: z.string().optional(),
  pod: z.string().optional(),
});

export const deploymentSchema = z.looseObject({
  id: z.string(),
  version: z.string(),
  affectedApps: z.array(z.string()).default([]),
  affectedPods: z.array(z.string()).default([]),
  steps: z.array(z.looseObject({ actions: z.array(actionSchema) })).default([]),
  currentActions: z.array(actionSchema).default([]),
  currentStep: z.int(),
  totalSteps: z.int(),
});
export type Deployment = z.output<typeof deploymentSchema>;
export const deploymentListSchema = z.array(deploymentSchema);

const rejectionSchema = z.looseObject({ reason: z.string(), declined: z.int(), processed: z.int() });

export const queueItemSchema = z.looseObject({
  app: z.looseObject({ id: z.string() }).optional(),
  pod: z.looseObject({ id: z.string() }).optional(),
  role: z.string().optional(),
  /** Instances that are left to launch. */
  count: z.int(),
  since: z.string().optional(),
  /** `overdue`: it waits for offers. Otherwise it waits `timeLeftSeconds` because it failed before. */
  delay: z.looseObject({ timeLeftSeconds: z.number(), overdue: z.boolean() }),
  processedOffersSummary: z
    .looseObject({
      processedOffersCount: z.int(),
      unusedOffersCount: z.int(),
      lastUnusedOfferAt: z.string().optional(),
      lastUsedOfferAt: z.string().optional(),
      rejectSummaryLastOffers: z.array(rejectionSchema).optional(),
      rejectSummaryLaunchAttempt: z.array(rejectionSchema).optional(),
    })
    .optional(),
  lastUnusedOffers: z.array(z.looseObject({})).optional(),
});
export type QueueItem = z.output<typeof queueItemSchema>;
export const queueSchema = z.looseObject({ queue: z.array(queueItemSchema).default([]) });

export const infoSchema = z.looseObject({
  name: z.string(),
  version: z.string(),
  elected: z.boolean().optional(),
  leader: z.string().optional(),
  frameworkId: z.string().optional(),
  /** Flags; times in milliseconds, but `failover_timeout` in seconds. */
  marathon_config: z.looseObject({
    features: z.array(z.string()).default([]),
    hostname: z.string().optional(),
    master: z.string().optional(),
    mesos_role: z.string().optional(),
    failover_timeout: z.number().optional(),
    scale_apps_interval: z.number().optional(),
    reconciliation_interval: z.number().optional(),
    task_launch_timeout: z.number().optional(),
    task_launch_confirm_timeout: z.number().optional(),
    task_lost_expunge_initial_delay: z.number().optional(),
    task_lost_expunge_interval: z.number().optional(),
    task_reservation_timeout: z.number().optional(),
    leader_proxy_read_timeout_ms: z.number().optional(),
  }),
});
export type MarathonInfo = z.output<typeof infoSchema>;

export const leaderSchema = z.looseObject({ leader: z.string() });
