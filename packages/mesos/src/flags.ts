export type MesosFlags = Readonly<Record<string, string>>;

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  secs: 1_000,
  mins: 60_000,
  hrs: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
};

/** A duration as Mesos writes its flags (`15secs`, `1.5mins`), in milliseconds; undefined when it is none. Pure. */
export function parseMesosDuration(text: string): number | undefined {
  const match = /^(-?\d+(?:\.\d+)?)(ns|us|ms|secs|mins|hrs|days|weeks)$/.exec(text);
  const unit = UNIT_MS[match?.[2] ?? ""];
  return unit === undefined ? undefined : Number(match?.[1]) * unit;
}

export interface AgentLossTiming {
  /** From an agent's last answer until the master calls it unreachable, when nothing delays that. */
  readonly unreachableAfterMs: number;
  /** After a new master was elected, agents have this long to come back before they are. */
  readonly afterMasterFailoverMs: number | undefined;
  /** `1/10mins`: the master removes no more agents than that, and others wait. Undefined: no limit. */
  readonly removalRateLimit: string | undefined;
}

/**
 * When the master gives an agent up: `agent_ping_timeout` × `max_agent_ping_timeouts` (defaults 15 s × 5), of real flags. The
 * flags' names before Mesos 1.1 began with `slave`. Undefined when they say nothing that can be read. Pure.
 */
export function agentLossTiming(flags: MesosFlags): AgentLossTiming | undefined {
  const flag = (name: string) => flags[name] ?? flags[name.replace("agent", "slave")];
  const pingMs = parseMesosDuration(flag("agent_ping_timeout") ?? "15secs");
  const pings = Number(flag("max_agent_ping_timeouts") ?? "5");
  if (pingMs === undefined || !Number.isFinite(pings)) return undefined;
  const limit = flag("agent_removal_rate_limit");
  return {
    unreachableAfterMs: pingMs * pings,
    afterMasterFailoverMs: parseMesosDuration(flag("agent_reregister_timeout") ?? "10mins"),
    removalRateLimit: limit === "" ? undefined : limit,
  };
}
