import type { MarathonInfo } from "@holdfast/marathon";
import type { MesosAgent, MesosFlags, MesosFramework } from "@holdfast/mesos";
import { type ClusterTiming, clusterTiming } from "../budget/cluster-timing.js";
import type { AgentFacts, ClusterFacts } from "../isolation/isolation.js";

/** What Marathon and Mesos answered; null = it was not asked. */
export interface ClusterAnswers {
  readonly marathon: MarathonInfo | null;
  readonly mesos: {
    readonly masterFlags: MesosFlags;
    readonly frameworks: readonly MesosFramework[];
    /** Every agent; `flags` null = it did not tell them, `problem` says why. */
    readonly agents: readonly {
      readonly agent: MesosAgent;
      readonly flags: MesosFlags | null;
      readonly problem: string | null;
    }[];
  } | null;
}

export interface ClusterView {
  readonly timing: ClusterTiming;
  readonly facts: ClusterFacts;
  /** Where the numbers are from, and which are defaults; for people. */
  readonly sources: readonly string[];
}

/** Pure. @throws `BAD_CONFIGURATION`: a flag that cannot be read, named. */
export function clusterView({ marathon, mesos }: ClusterAnswers): ClusterView {
  const timing = clusterTiming(mesos?.masterFlags ?? {}, marathon?.marathon_config ?? {}, zookeeperConfig(marathon));
  const framework = mesos?.frameworks.find(
    ({ framework_info: { id } }) => id !== undefined && id === marathon?.frameworkId,
  );
  const agents = (mesos?.agents ?? []).flatMap(({ agent, flags }) =>
    flags === null ? [] : [agentFacts(agent, flags)],
  );
  return {
    timing,
    facts: { agents, role: roleOf(marathon), principal: principalOf(framework) },
    sources: sourcesOf({ marathon, mesos }, framework !== undefined),
  };
}

function zookeeperConfig(marathon: MarathonInfo | null): Readonly<Record<string, unknown>> {
  const config: unknown = marathon?.zookeeper_config;
  return typeof config === "object" && config !== null ? (config as Record<string, unknown>) : {};
}

function roleOf(marathon: MarathonInfo | null): string | null | undefined {
  return marathon === null ? undefined : (marathon.marathon_config.mesos_role ?? null);
}

/** Marathon's own answer does not say under which principal it registered; the master's does. */
function principalOf(framework: MesosFramework | undefined): string | null | undefined {
  if (framework === undefined) return undefined;
  const { principal } = framework.framework_info;
  return principal === undefined || principal === "" ? null : principal;
}

function agentFacts({ agent_info: { hostname }, total_resources }: MesosAgent, flags: MesosFlags): AgentFacts {
  const ranges = total_resources.flatMap(({ name, ranges }) => (name === "ports" ? (ranges?.range ?? []) : []));
  return {
    agent: hostname,
    flags,
    ports: ranges.map(({ begin, end }) => ({ begin: Number(begin), end: Number(end) })),
  };
}

function sourcesOf({ marathon, mesos }: ClusterAnswers, frameworkFound: boolean): readonly string[] {
  const asked = mesos?.agents ?? [];
  const silent = asked.filter(({ flags }) => flags === null);
  return [
    marathon === null
      ? "Marathon was not asked: its times are the defaults, its role is not known."
      : `Marathon ${marathon.version} says its times; what it does not say is the default.`,
    mesos === null
      ? "Mesos was not asked: its times are the defaults, and nothing is known of any agent."
      : `The flags of the Mesos master and of ${asked.length - silent.length} of ${asked.length} agents were read.`,
    ...silent
      .slice(0, SHOWN_MAX)
      .map(
        ({ agent, problem }) => `The flags of ${agent.agent_info.hostname} are not known: ${problem ?? "not asked"}`,
      ),
    ...(silent.length > SHOWN_MAX ? [`The same for ${silent.length - SHOWN_MAX} more agents.`] : []),
    ...(mesos !== null && marathon !== null && !frameworkFound
      ? ["This master does not know this Marathon: are the two addresses those of one cluster?"]
      : []),
  ];
}

const SHOWN_MAX = 3;
