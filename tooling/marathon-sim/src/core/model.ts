import type { App, UnreachableStrategy } from "./app-schema.js";
import type { Backoff } from "./backoff.js";
import type { ConstrainedAgent } from "./constraints.js";
import type { Flags } from "./flags.js";
import type { Condition, Goal, MesosState } from "./states.js";

export interface Resources {
  readonly cpus: number;
  readonly mem: number;
  readonly disk: number;
  readonly gpus: number;
}

export interface AgentSpec extends ConstrainedAgent {
  readonly id: string;
  readonly resources: Resources;
  /** Offered host ports, both ends included. */
  readonly ports: readonly [number, number];
}

export interface LocalVolume {
  readonly runSpecId: string;
  readonly containerPath: string;
  readonly uuid: string;
  readonly persistenceId: string;
}

/** A dynamic reservation with its volumes, as the agent has it checkpointed. */
export interface Reservation {
  readonly instanceId: string;
  readonly appId: string;
  readonly volumes: readonly LocalVolume[];
  readonly resources: Resources;
}

/** What an agent knows of a task, whether or not anybody hears it. */
export interface AgentTask {
  readonly taskId: string;
  state: MesosState;
  message: string;
  /** Of Mesos health checks; null = no result yet. */
  healthy: boolean | null;
}

export interface Agent extends AgentSpec {
  /** Whether the agent reaches the master. Only the agent and the test know this at once. */
  link: "up" | "down";
  /** What the master believes. `gone`: marked by the operator; `forgotten`: dropped from the registry. */
  registration: "registered" | "unreachable" | "gone" | "forgotten";
  silentSinceMs: number | null;
  readonly tasks: Map<string, AgentTask>;
  reservations: Reservation[];
  /** Of the master: its tasks there, what they take of the unreserved resources, and their ports. */
  readonly known: Set<string>;
  readonly used: { cpus: number; mem: number; disk: number; gpus: number };
  readonly takenPorts: Set<number>;
}

/** A task as the Mesos master knows it. Terminal ones are forgotten. */
export interface MasterTask {
  readonly taskId: string;
  readonly agentId: string;
  /** Of the agent's unreserved resources; nothing for a task on a reservation. */
  readonly resources: Resources;
  readonly ports: readonly number[];
  state: MesosState;
  message: string;
  healthy: boolean | null;
}

export interface Health {
  /** Null = no result yet. */
  alive: boolean | null;
  consecutiveFailures: number;
  firstSuccessMs: number | null;
  lastSuccessMs: number | null;
  lastFailureMs: number | null;
  lastFailureCause: string | null;
}

export interface Instance {
  readonly id: string;
  readonly appId: string;
  readonly role: string;
  readonly createdMs: number;
  goal: Goal;
  condition: Condition;
  /** Number of the last task; 0 = never launched. */
  incarnation: number;
  taskId: string | null;
  /** Version of the definition that the last task was launched with, or the next one will be. */
  runSpecVersion: string;
  unreachableStrategy: UnreachableStrategy;
  killSelection: App["killSelection"];
  /** The last word of Mesos about the task. */
  mesosState: MesosState;
  agent: (ConstrainedAgent & { readonly id: string }) | null;
  ports: readonly number[];
  stagedMs: number | null;
  startedMs: number | null;
  unreachableSinceMs: number | null;
  /** Set on an instance with persistent volumes once they exist. */
  volumes: readonly LocalVolume[] | null;
  /** A reservation was asked for and no offer showed it yet. */
  reservingUntilMs: number | null;
  killSentMs: number | null;
  health: Health;
  ready: boolean;
  /** Results of readiness checks, by name. */
  readiness: { name: string; ready: boolean; lastResponse: ReadinessResponse | null }[];
}

export interface ReadinessResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface TaskFailure {
  readonly appId: string;
  readonly host: string;
  readonly message: string;
  readonly state: MesosState;
  readonly taskId: string;
  readonly timestamp: string;
  readonly version: string;
  readonly slaveId: string;
}

export interface AppRecord {
  app: App;
  readonly versions: Map<string, App>;
  lastTaskFailure: TaskFailure | null;
}

export type ActionName = "StartApplication" | "StopApplication" | "ScaleApplication" | "RestartApplication";

/** Of a restart; decided once, when it begins. */
export interface RestartRule {
  /** Old instances killed before anything new starts. */
  readonly killFirst: number;
  /** Old and new instances at once. */
  readonly capacity: number;
}

export interface Action {
  readonly action: ActionName;
  readonly appId: string;
  /** The definition that the action leads to; for a stop the one that was. */
  readonly app: App;
  started: boolean;
  /** Instances asked to end by this action. */
  killing: Set<string>;
  /** Of a restart: the instances of earlier definitions. */
  old: Set<string>;
  rule: RestartRule | null;
}

export interface Deployment {
  readonly id: string;
  readonly version: string;
  readonly steps: readonly (readonly Action[])[];
  /** Index of the step under way. */
  at: number;
  /** The definitions before; null = there was none. */
  readonly originals: ReadonlyMap<string, App | null>;
}

/** Why offers did not fit, since the launch attempt began. */
export interface QueueStats {
  readonly sinceMs: number;
  processed: number;
  unused: number;
  lastUnusedMs: number | null;
  lastUsedMs: number | null;
  readonly lastByAgent: Map<string, RejectReason | null>;
  readonly attempt: Map<RejectReason, { declined: number; processed: number }>;
}

/** In the order in which Marathon looks (facts 8). */
export const REJECT_REASONS = [
  "UnfulfilledRole",
  "UnfulfilledConstraint",
  "NoCorrespondingReservationFound",
  "AgentMaintenance",
  "InsufficientCpus",
  "InsufficientMemory",
  "InsufficientDisk",
  "InsufficientGpus",
  "InsufficientPorts",
  "DeclinedScarceResources",
] as const;
export type RejectReason = (typeof REJECT_REASONS)[number];

export interface MarathonEvent {
  readonly eventType: string;
  readonly timestamp: string;
  readonly [field: string]: unknown;
}

/** One task to be started by an agent. */
export interface Launch {
  readonly taskId: string;
  readonly instanceId: string;
  readonly agentId: string;
  readonly app: App;
  readonly hostname: string;
  readonly ports: readonly number[];
  readonly volumes: readonly LocalVolume[];
}

/** What the world outside of the state machine is to do. */
export type Effect =
  | { readonly kind: "event"; readonly event: MarathonEvent }
  | { readonly kind: "launch"; readonly launch: Launch }
  | { readonly kind: "kill"; readonly agentId: string; readonly taskId: string }
  | { readonly kind: "create-volume" | "destroy-volume"; readonly agentId: string; readonly volume: LocalVolume }
  /** The master tells the agent to end everything. */
  | { readonly kind: "shutdown-agent"; readonly agentId: string };

export type TimerName = "offers" | "reconcile" | "scale" | "expunge" | "overdue";

export interface Sim {
  readonly flags: Flags;
  /** A fresh id; tests hand in a counter. */
  readonly uuid: () => string;
  /** Milliseconds since 1970; the caller moves it. */
  nowMs: number;
  readonly startedMs: number;
  /** Since when this leader leads. */
  leaderSinceMs: number;
  lastVersionMs: number;
  nextServicePort: number;
  readonly apps: Map<string, AppRecord>;
  readonly instances: Map<string, Instance>;
  readonly byApp: Map<string, Set<string>>;
  /** Ids of instances in `Scheduled` whose goal is to run. */
  readonly waiting: Set<string>;
  readonly deployments: Map<string, Deployment>;
  /** In memory only, by app and version of the configuration: a leader change forgets it. */
  readonly backoffs: Map<string, Backoff>;
  readonly queue: Map<string, QueueStats>;
  readonly agents: Map<string, Agent>;
  readonly masterTasks: Map<string, MasterTask>;
  /** Offers are to be looked at before anything else happens. */
  offersDue: boolean;
  readonly timers: Record<TimerName, number>;
  /** Apps whose deployments are held by the test and never finish; `*` = all. */
  readonly held: Set<string>;
  readonly out: Effect[];
}

export function createSim(flags: Flags, nowMs: number, uuid: () => string): Sim {
  return {
    ...{ flags, uuid, nowMs, startedMs: nowMs, leaderSinceMs: nowMs, lastVersionMs: 0, nextServicePort: 10_000 },
    apps: new Map(),
    instances: new Map(),
    byApp: new Map(),
    waiting: new Set(),
    deployments: new Map(),
    backoffs: new Map(),
    queue: new Map(),
    agents: new Map(),
    masterTasks: new Map(),
    offersDue: false,
    timers: {
      offers: nowMs + flags.offerIntervalMs,
      reconcile: nowMs + flags.reconciliationInitialDelayMs,
      scale: nowMs + flags.reconciliationInitialDelayMs,
      expunge: nowMs + flags.expungeInitialDelayMs,
      overdue: nowMs + flags.killRetryMs / 10,
    },
    held: new Set(),
    out: [],
  };
}

export const timestamp = (ms: number): string => new Date(ms).toISOString();

export function emit(sim: Sim, eventType: string, fields: Readonly<Record<string, unknown>>): void {
  sim.out.push({ kind: "event", event: { ...fields, eventType, timestamp: timestamp(sim.nowMs) } });
}

/** Versions are times; two changes within a millisecond still get different ones. */
export function nextVersion(sim: Sim): string {
  sim.lastVersionMs = Math.max(Math.floor(sim.nowMs), sim.lastVersionMs + 1);
  return timestamp(sim.lastVersionMs);
}

export function instancesOf(sim: Sim, appId: string): Instance[] {
  return [...(sim.byApp.get(appId) ?? [])].flatMap((id) => sim.instances.get(id) ?? []);
}
