import type { Service } from "@holdfast/core";
import type { PlacedVolume } from "../compile/volumes.js";

/** An agent as the cluster describes it. */
export interface AgentFacts {
  readonly agent: string;
  /** The agent's flags (`GET_FLAGS`), all texts. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  /** Port ranges that it offers, both ends included. */
  readonly ports: readonly { readonly begin: number; readonly end: number }[];
}

export interface ClusterFacts {
  readonly agents: readonly AgentFacts[];
  /** Marathon's `--mesos_role` and `--mesos_authentication_principal`; null = none, undefined = nobody was asked. */
  readonly role: string | null | undefined;
  readonly principal: string | null | undefined;
}

/** What a service file asks for, and who holds to it. */
export interface IsolationRow {
  readonly what: "cpus" | "memory" | "sandbox disk" | "volume size" | "iops" | "egress" | "port" | "persistent volume";
  readonly asked: string;
  /**
   * `limited`: nothing above it can be had. `guaranteed`: at least that much, more when there is. `reserved`: booked when
   * it is placed, and not held to afterwards. `in-vain`: nobody here looks at it.
   */
  readonly level: "limited" | "guaranteed" | "reserved" | "in-vain";
  readonly why: string;
  /** What would enforce it; null when it is. */
  readonly fix: string | null;
}

/**
 * Pure: what the scheduler can hold a service to on these agents; the weakest of them counts, since it may be placed on
 * any. Sources: Mesos, docs/configuration/agent.md and docs/isolators.
 */
export function isolationOf(
  service: Service,
  volumes: readonly PlacedVolume[],
  cluster: ClusterFacts,
): readonly IsolationRow[] {
  const { resources, discovery, storage } = service.spec;
  const { iops, network } = resources;
  return [
    cpuRow(resources.cpus, cluster),
    memoryRow(resources.memMiB, cluster),
    sandboxRow(cluster),
    ...storage.flatMap(({ role, diskMiB, mountPath }) => {
      const volume = volumes.find((candidate) => candidate.role === role);
      if (volume?.scheduler) return [persistentRow(volume, cluster)];
      return diskMiB === undefined ? [] : [sizeRow(`${diskMiB} MiB at ${mountPath}`)];
    }),
    ...(iops === undefined ? [] : [iopsRow(iops)]),
    ...(network === undefined ? [] : [egressRow(network.egressMbit)]),
    ...(discovery === undefined ? [] : [portRow(discovery.port, cluster)]),
  ];
}

function isolators({ flags }: AgentFacts): ReadonlySet<string> {
  return new Set((flags.isolation ?? "posix/cpu,posix/mem").split(",").map((name) => name.trim()));
}

/** Agents that do not have it; the text is for people. */
function without({ agents }: ClusterFacts, has: (agent: AgentFacts) => boolean): readonly string[] {
  return agents.filter((agent) => !has(agent)).map(({ agent }) => agent);
}

const on = (agents: readonly string[]) => (agents.length > 3 ? `${agents.length} agents` : agents.join(", "));
const is = (value: string | undefined) => value === "true";
const NO_AGENTS = "nothing is known of any agent";

function judge(
  row: Pick<IsolationRow, "what" | "asked">,
  cluster: ClusterFacts,
  steps: readonly (Pick<IsolationRow, "level" | "why" | "fix"> & { readonly has: (agent: AgentFacts) => boolean })[],
  otherwise: Pick<IsolationRow, "level" | "why" | "fix">,
): IsolationRow {
  if (cluster.agents.length === 0) {
    return { ...row, ...otherwise, why: NO_AGENTS, fix: "Read the flags of the agents (holdfast plan --mesos URL)." };
  }
  for (const { has, level, why, fix } of steps) {
    if (without(cluster, has).length === 0) return { ...row, level, why, fix };
  }
  const [first] = steps;
  const lacking = first === undefined ? [] : without(cluster, first.has);
  return { ...row, ...otherwise, why: `${otherwise.why} (${on(lacking)})` };
}

function cpuRow(cpus: number, cluster: ClusterFacts): IsolationRow {
  const shares = (agent: AgentFacts) => isolators(agent).has("cgroups/cpu") || isolators(agent).has("cgroups/all");
  const cfs = "Start the agents with --cgroups_enable_cfs, if a limit is wanted and not only a share.";
  return judge(
    { what: "cpus", asked: String(cpus) },
    cluster,
    [
      {
        has: (agent) => shares(agent) && is(agent.flags.cgroups_enable_cfs),
        level: "limited",
        why: "cgroups/cpu with bandwidth control",
        fix: null,
      },
      { has: shares, level: "guaranteed", why: "cgroups/cpu: a share when the agent is busy", fix: cfs },
    ],
    {
      level: "reserved",
      why: "without cgroups/cpu a neighbour may take all",
      fix: "Add cgroups/cpu to --isolation of the agents.",
    },
  );
}

function memoryRow(memMiB: number, cluster: ClusterFacts): IsolationRow {
  const has = (agent: AgentFacts) => isolators(agent).has("cgroups/mem") || isolators(agent).has("cgroups/all");
  return judge(
    { what: "memory", asked: `${memMiB} MiB` },
    cluster,
    [{ has, level: "limited", why: "cgroups/mem: what exceeds it is killed", fix: null }],
    {
      level: "reserved",
      why: "without cgroups/mem a neighbour's leak ends in the kernel killing anybody",
      fix: "Add cgroups/mem to --isolation of the agents.",
    },
  );
}

function quota(agent: AgentFacts): boolean {
  const names = isolators(agent);
  const watched = names.has("disk/du") || names.has("posix/disk") || names.has("disk/xfs");
  return watched && is(agent.flags.enforce_container_disk_quota);
}

const QUOTA_FIX = "Add disk/xfs or disk/du to --isolation and start the agents with --enforce_container_disk_quota.";

function sandboxRow(cluster: ClusterFacts): IsolationRow {
  return judge(
    { what: "sandbox disk", asked: "disk of the definition" },
    cluster,
    [{ has: quota, level: "limited", why: "a disk isolator with enforced quota", fix: null }],
    { level: "reserved", why: "without an enforced quota a neighbour's log fills the agent's disk", fix: QUOTA_FIX },
  );
}

function persistentRow({ scheduler, mountPath }: PlacedVolume, cluster: ClusterFacts): IsolationRow {
  const row = { what: "persistent volume", asked: `${scheduler?.sizeMiB ?? 0} MiB at ${mountPath}` } as const;
  if (cluster.role === null || cluster.role === "*") {
    const fix = "Start Marathon with a --mesos_role of its own.";
    return { ...row, level: "in-vain", why: "Marathon has no role, and only a role can reserve", fix };
  }
  if (cluster.principal === null) {
    const fix = "Start Marathon with --mesos_authentication_principal.";
    return {
      ...row,
      level: "in-vain",
      why: "without a principal Mesos ignores the reservation and the app waits for ever",
      fix,
    };
  }
  if (cluster.role === undefined || cluster.principal === undefined) {
    const fix =
      "See that Marathon has a --mesos_role and a --mesos_authentication_principal, or ask both (--marathon, --mesos).";
    return { ...row, level: "reserved", why: "the size is booked, if Marathon may reserve; that is not known", fix };
  }
  const linux = (agent: AgentFacts) => isolators(agent).has("filesystem/linux");
  if (scheduler?.atMountPath !== false && cluster.agents.length > 0 && without(cluster, linux).length > 0) {
    const why = `without filesystem/linux the volume cannot be seen at ${mountPath} (${on(without(cluster, linux))})`;
    return { ...row, level: "in-vain", why, fix: "Add filesystem/linux to --isolation, and --launcher=linux." };
  }
  if (scheduler?.disk === "mount") return { ...row, level: "limited", why: "a disk of its own", fix: null };
  return judge(
    row,
    cluster,
    [{ has: quota, level: "limited", why: "a disk isolator with enforced quota", fix: null }],
    {
      level: "reserved",
      why: "the size is booked; without an enforced quota nothing stops it from growing",
      fix: QUOTA_FIX,
    },
  );
}

function sizeRow(asked: string): IsolationRow {
  const why = "this storage is not the scheduler's; what its server or file system allows, counts";
  return { what: "volume size", asked, level: "in-vain", why, fix: "Set a quota at the storage." };
}

function iopsRow({
  read,
  write,
}: {
  readonly read?: number | undefined;
  readonly write?: number | undefined;
}): IsolationRow {
  const asked = [read === undefined ? "" : `${read} reads/s`, write === undefined ? "" : `${write} writes/s`];
  return {
    what: "iops",
    asked: asked.filter((text) => text !== "").join(", "),
    level: "in-vain",
    why: "Mesos counts block I/O (cgroups/blkio) and limits none, and Marathon has no field for it",
    fix: "Limit it at the storage, or leave spec.resources.iops out.",
  };
}

function egressRow(egressMbit: number): IsolationRow {
  return {
    what: "egress",
    asked: `${egressMbit} Mbit/s`,
    level: "in-vain",
    why: "Mesos has one rate for all containers of an agent (--egress_rate_limit_per_container) and none per task",
    fix: "Limit it in the network, or leave spec.resources.network out.",
  };
}

function portRow(port: number, cluster: ClusterFacts): IsolationRow {
  const row = { what: "port", asked: String(port) } as const;
  const offers = (agent: AgentFacts) => agent.ports.some(({ begin, end }) => begin <= port && port <= end);
  const missing = without(cluster, offers);
  if (cluster.agents.length > 0 && missing.length === cluster.agents.length) {
    const fix = "Add the port to --resources of the agents, or choose one that they offer.";
    return {
      ...row,
      level: "in-vain",
      why: "no agent offers it: the app would wait for ever (InsufficientPorts)",
      fix,
    };
  }
  if (missing.length > 0) {
    const fix = "Offer it everywhere, or the service has fewer places to go.";
    return { ...row, level: "reserved", why: `not offered by ${on(missing)}`, fix };
  }
  return judge(
    row,
    cluster,
    [
      {
        has: (agent) => isolators(agent).has("network/ports"),
        level: "limited",
        why: "network/ports ends tasks that listen elsewhere",
        fix: null,
      },
    ],
    {
      level: "reserved",
      why: "without network/ports another task may listen there without having been given it",
      fix: "Add network/ports to --isolation of the agents.",
    },
  );
}

/** Pure: as people read it. */
export function isolationLines(rows: readonly IsolationRow[]): readonly string[] {
  return rows.flatMap(({ what, asked, level, why, fix }) => [
    `  ${what.padEnd(17)} ${asked.padEnd(28)} ${level.padEnd(10)} ${why}`,
    ...(fix === null ? [] : [`  ${"".padEnd(57)} ${fix}`]),
  ]);
}
