/** Durations that Marathon and Mesos are started with, in milliseconds, already scaled. */
export interface Flags {
  /** Mesos: `agent_ping_timeout × max_agent_ping_timeouts`: from an agent's silence to TASK_UNREACHABLE. */
  readonly agentLostMs: number;
  /** How often Mesos offers what is free again. */
  readonly offerIntervalMs: number;
  readonly reconciliationIntervalMs: number;
  readonly reconciliationInitialDelayMs: number;
  readonly scaleAppsIntervalMs: number;
  readonly expungeIntervalMs: number;
  readonly expungeInitialDelayMs: number;
  readonly killRetryMs: number;
  readonly taskLaunchTimeoutMs: number;
  readonly taskLaunchConfirmTimeoutMs: number;
  readonly taskReservationTimeoutMs: number;
  /** One second of those that an app definition counts: backoff, unreachable strategy, health checks but their timeout. */
  readonly appSecondMs: number;
  readonly sseHeartbeatMs: number;
  readonly mesosRole: string;
  /** `--mesos_authentication_principal`; null = none, and reservations are silently ignored (facts 5). */
  readonly principal: string | null;
  readonly features: readonly string[];
}

export interface TimeScale {
  /** Factor on the limits of Marathon's and Mesos's flags. */
  readonly flags: number;
  /** Factor on the seconds of app definitions, except what a process lives through: kill grace and check timeout. */
  readonly app: number;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/** Marathon's and Mesos's defaults (facts 3, 4, 5, 12 and the `info.json` of the published examples), scaled. */
export function defaultFlags(scale: TimeScale = { flags: 1, app: 1 }): Flags {
  const scaled = (ms: number) => ms * scale.flags;
  return {
    agentLostMs: scaled(75 * SECOND_MS),
    offerIntervalMs: scaled(5 * SECOND_MS),
    reconciliationIntervalMs: scaled(10 * MINUTE_MS),
    reconciliationInitialDelayMs: scaled(15 * SECOND_MS),
    scaleAppsIntervalMs: scaled(5 * MINUTE_MS),
    expungeIntervalMs: scaled(30 * SECOND_MS),
    expungeInitialDelayMs: scaled(5 * MINUTE_MS),
    killRetryMs: scaled(30 * SECOND_MS),
    taskLaunchTimeoutMs: scaled(5 * MINUTE_MS),
    taskLaunchConfirmTimeoutMs: scaled(5 * MINUTE_MS),
    taskReservationTimeoutMs: scaled(20 * SECOND_MS),
    appSecondMs: SECOND_MS * scale.app,
    sseHeartbeatMs: scaled(10 * SECOND_MS),
    mesosRole: "holdfast",
    principal: "holdfast",
    features: ["external_volumes"],
  };
}
