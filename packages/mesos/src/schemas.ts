import * as z from "zod";
import { resourceSchema } from "./resources/resource.js";

// Answers, with the names of the v1 API. Tolerant: what is not named is kept; missing lists are empty lists, as Mesos leaves
// them out; ids, which are objects on the wire, are strings here.

const id = z.looseObject({ value: z.string() }).transform(({ value }) => value);
const int64 = z.union([z.int(), z.string().regex(/^-?\d+$/)]).transform((value) => BigInt(value));
/** Nanoseconds since 1970, or of a duration, exact. */
const nanoseconds = z.looseObject({ nanoseconds: int64 }).transform((time) => time.nanoseconds);
const list = <S extends z.ZodType>(schema: S) => z.array(schema).default([]);
const resources = list(resourceSchema);
/** An enumeration's value may be one that v1 does not know, and is then left out. */
const capabilities = list(z.looseObject({ type: z.string().optional() }));
const labels = z.looseObject({ labels: list(z.looseObject({ key: z.string(), value: z.string().optional() })) });

const attributeSchema = z.looseObject({
  name: z.string(),
  type: z.string(),
  text: z.looseObject({ value: z.string() }).optional(),
  scalar: z.looseObject({ value: z.number() }).optional(),
  ranges: z.looseObject({}).optional(),
  set: z.looseObject({ item: z.array(z.string()).optional() }).optional(),
});

const agentInfoSchema = z.looseObject({
  id: id.optional(),
  hostname: z.string(),
  port: z.int().optional(),
  /** The agent's configuration; without dynamic reservations and volumes. */
  resources,
  attributes: list(attributeSchema),
});

const agentSchema = z.looseObject({
  agent_info: agentInfoSchema,
  /** Connected and not deactivated: offers are made. */
  active: z.boolean().default(false),
  /** By draining, or by an operator. */
  deactivated: z.boolean().default(false),
  drain_info: z.looseObject({ state: z.string() }).optional(),
  version: z.string().optional(),
  pid: z.string().optional(),
  registered_time: nanoseconds.optional(),
  reregistered_time: nanoseconds.optional(),
  /** Everything, with reservations and volumes: the list to look volumes up in. */
  total_resources: resources,
  allocated_resources: resources,
  offered_resources: resources,
  capabilities,
});
export type MesosAgent = z.output<typeof agentSchema>;

export const agentsSchema = z.looseObject({
  agents: list(agentSchema),
  /** Known from the registry, not back yet since the master started. */
  recovered_agents: list(agentInfoSchema),
});
export type MesosAgents = z.output<typeof agentsSchema>;

const statusSchema = z.looseObject({
  task_id: id.optional(),
  agent_id: id.optional(),
  state: z.string(),
  source: z.string().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  /** Seconds since 1970. */
  timestamp: z.number().optional(),
  unreachable_time: nanoseconds.optional(),
  healthy: z.boolean().optional(),
});

const taskSchema = z.looseObject({
  task_id: id,
  framework_id: id,
  agent_id: id,
  name: z.string().optional(),
  /** The latest that the master knows. */
  state: z.string(),
  /** The last real state of an unreachable task. */
  status_update_state: z.string().optional(),
  statuses: list(statusSchema),
  resources,
  labels: labels.optional(),
});
export type MesosTask = z.output<typeof taskSchema>;

export const tasksSchema = z.looseObject({
  tasks: list(taskSchema),
  unreachable_tasks: list(taskSchema),
  completed_tasks: list(taskSchema),
});
export type MesosTasks = z.output<typeof tasksSchema>;

const frameworkSchema = z.looseObject({
  framework_info: z.looseObject({
    id: id.optional(),
    name: z.string(),
    principal: z.string().optional(),
    role: z.string().optional(),
    roles: list(z.string()),
    /** Seconds. */
    failover_timeout: z.number().optional(),
    checkpoint: z.boolean().optional(),
    capabilities,
  }),
  active: z.boolean().default(false),
  connected: z.boolean().default(false),
  recovered: z.boolean().default(false),
});
export type MesosFramework = z.output<typeof frameworkSchema>;

export const frameworksSchema = z.looseObject({
  frameworks: list(frameworkSchema),
  completed_frameworks: list(frameworkSchema),
});
export type MesosFrameworks = z.output<typeof frameworksSchema>;

export const stateSchema = z.looseObject({
  get_tasks: tasksSchema.prefault({}),
  get_frameworks: frameworksSchema.prefault({}),
  get_agents: agentsSchema.prefault({}),
});
export type MesosState = z.output<typeof stateSchema>;

export const rolesSchema = z.looseObject({
  roles: list(
    z.looseObject({
      name: z.string(),
      weight: z.number().optional(),
      frameworks: list(id),
      resources,
    }),
  ),
});
export type MesosRole = z.output<typeof rolesSchema>["roles"][number];

const amounts = z.record(z.string(), z.looseObject({ value: z.number() })).default({});

export const quotaSchema = z.looseObject({
  status: z.looseObject({
    /** Since 1.9. Amounts by resource name; what is not limited is not listed. */
    configs: list(z.looseObject({ role: z.string(), guarantees: amounts, limits: amounts })),
    /** Before 1.9. */
    infos: list(z.looseObject({ role: z.string().optional(), principal: z.string().optional(), guarantee: resources })),
  }),
});
export type MesosQuota = z.output<typeof quotaSchema>["status"];

export const masterSchema = z.looseObject({
  master_info: z.looseObject({
    id: z.string(),
    hostname: z.string().optional(),
    port: z.int().optional(),
    pid: z.string().optional(),
    version: z.string().optional(),
    address: z.looseObject({ hostname: z.string().optional(), ip: z.string().optional(), port: z.int() }).optional(),
    capabilities,
  }),
  /** Seconds since 1970. */
  start_time: z.number().optional(),
  elected_time: z.number().optional(),
});
export type MesosMaster = z.output<typeof masterSchema>;

export const versionSchema = z.looseObject({ version_info: z.looseObject({ version: z.string() }) });
export const healthSchema = z.looseObject({ healthy: z.boolean() });
export const flagsSchema = z.looseObject({
  flags: list(z.looseObject({ name: z.string(), value: z.string().optional() })),
});

export const eventSchemas = {
  SUBSCRIBED: z.looseObject({ get_state: stateSchema.optional(), heartbeat_interval_seconds: z.number().optional() }),
  TASK_ADDED: z.looseObject({ task: taskSchema }),
  TASK_UPDATED: z.looseObject({ framework_id: id, status: statusSchema, state: z.string() }),
  AGENT_ADDED: z.looseObject({ agent: agentSchema }),
  AGENT_REMOVED: z.looseObject({ agent_id: id }),
  FRAMEWORK_ADDED: z.looseObject({ framework: frameworkSchema }),
  FRAMEWORK_UPDATED: z.looseObject({ framework: frameworkSchema }),
  FRAMEWORK_REMOVED: z.looseObject({ framework_info: frameworkSchema.shape.framework_info }),
};
