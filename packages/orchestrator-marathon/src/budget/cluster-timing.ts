import { HoldfastError } from "@holdfast/core";
import { parseMesosDuration } from "./duration.js";

/** What decides how soon Mesos and Marathon notice. Milliseconds. */
export interface ClusterTiming {
  /** Master flag `agent_ping_timeout`. */
  readonly agentPingTimeoutMs: number;
  /** Master flag `max_agent_ping_timeouts`. */
  readonly agentPingsMax: number;
  /** Master flag `agent_removal_rate_limit`: the longest wait for a permit for one agent; 0 = no limit. */
  readonly agentRemovalMs: number;
  /** Master flag `agent_reregister_timeout`: after a master failover, agents that do not come back are lost then. */
  readonly agentReregisterTimeoutMs: number;
  /** Master flag `zk_session_timeout`: until another master is elected. */
  readonly masterSessionMs: number;
  /** Marathon's `zk_session_timeout`: until another Marathon leads. */
  readonly marathonSessionMs: number;
  /** Marathon's `reconciliation_interval`: the longest time until a status that was lost is asked for again. */
  readonly reconciliationMs: number;
  /** Marathon's `task_launch_timeout`: a start that takes longer in staging is killed. */
  readonly launchTimeoutMs: number;
}

/** The defaults of Mesos (docs/configuration/master.md) and Marathon 1.10 (`GET /v2/info`). */
export const DEFAULT_CLUSTER_TIMING: ClusterTiming = {
  agentPingTimeoutMs: 15_000,
  agentPingsMax: 5,
  agentRemovalMs: 0,
  agentReregisterTimeoutMs: 600_000,
  masterSessionMs: 10_000,
  marathonSessionMs: 10_000,
  reconciliationMs: 600_000,
  launchTimeoutMs: 300_000,
};

type Flags = Readonly<Record<string, string | undefined>>;
type Numbers = Readonly<Record<string, unknown>>;

/**
 * Pure: from the master's flags (`GET_FLAGS`, all texts) and from `marathon_config` and `zookeeper_config` of Marathon's
 * `GET /v2/info` (milliseconds). What is absent has its default; the older names with `slave` are read as well.
 * @throws `BAD_CONFIGURATION`: a flag that cannot be read, named.
 */
export function clusterTiming(masterFlags: Flags, marathon: Numbers = {}, zookeeper: Numbers = {}): ClusterTiming {
  const flag = (name: string) => masterFlags[name] ?? masterFlags[name.replace("agent", "slave")];
  const duration = (name: string, otherwise: number) => {
    const text = flag(name);
    return text === undefined ? otherwise : parseMesosDuration(name, text);
  };
  const defaults = DEFAULT_CLUSTER_TIMING;
  return {
    agentPingTimeoutMs: duration("agent_ping_timeout", defaults.agentPingTimeoutMs),
    agentPingsMax: count("max_agent_ping_timeouts", flag("max_agent_ping_timeouts"), defaults.agentPingsMax),
    agentRemovalMs: removalMs(flag("agent_removal_rate_limit")),
    agentReregisterTimeoutMs: duration("agent_reregister_timeout", defaults.agentReregisterTimeoutMs),
    masterSessionMs: duration("zk_session_timeout", defaults.masterSessionMs),
    marathonSessionMs: milliseconds("zk_session_timeout", zookeeper, defaults.marathonSessionMs),
    reconciliationMs: milliseconds("reconciliation_interval", marathon, defaults.reconciliationMs),
    launchTimeoutMs: milliseconds("task_launch_timeout", marathon, defaults.launchTimeoutMs),
  };
}

/** `1/20mins`: one agent in twenty minutes, so that an agent waits up to that long behind another. */
function removalMs(text: string | undefined): number {
  if (text === undefined || text === "") return 0;
  const [, agents, period = ""] = /^(\d+)\/(.+)$/.exec(text) ?? [];
  if (agents === undefined || Number(agents) === 0) throw unreadable("agent_removal_rate_limit", text);
  return Math.ceil(parseMesosDuration("agent_removal_rate_limit", period) / Number(agents));
}

function count(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw unreadable(name, text);
}

function milliseconds(name: string, config: Numbers, otherwise: number): number {
  const value = config[name];
  if (value === undefined || value === null) return otherwise;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw unreadable(name, String(value));
}

function unreadable(name: string, text: string): HoldfastError {
  return new HoldfastError("BAD_CONFIGURATION", `--${name}=${text} cannot be read.`, {
    hint: "Compare with the flags that the master and Marathon were started with.",
  });
}
