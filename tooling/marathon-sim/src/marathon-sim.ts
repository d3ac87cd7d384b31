import { type AgentControl, agentControl } from "./agent-control.js";
import { ContractCheck, type ContractFinding } from "./contract/check.js";
import { defaultFlags, type Flags, type TimeScale } from "./core/flags.js";
import { addAgent } from "./core/mesos.js";
import type { AgentSpec, Resources } from "./core/model.js";
import { runJob } from "./core/tick.js";
import { Driver } from "./driver.js";
import { Group } from "./group.js";
import type { Credentials } from "./http/auth.js";
import type { HttpFaults } from "./http/faults.js";
import { Executors } from "./launcher/executor.js";
import { LeaderChecks } from "./launcher/leader-checks.js";
import { createProcessRuntime } from "./launcher/process-runtime.js";
import type { TaskRuntime } from "./launcher/runtime.js";

export interface AgentOptions extends Partial<Omit<AgentSpec, "id" | "resources">> {
  readonly id: string;
  readonly resources?: Partial<Resources>;
  /** Put before a command: `enter` of a `NetworkAgent` of the testkit. Omitted = plain processes of this machine. */
  readonly enter?: readonly string[];
  /** Where the leader's own checks find the agent. Default: this machine. */
  readonly address?: string;
}

export interface MarathonSimOptions {
  readonly agents: readonly AgentOptions[];
  /** Sandboxes and volumes live below it: `<agent>/tasks/<task>`, `<agent>/volumes/<uuid>`. The caller removes it. */
  readonly directory: string;
  /** Marathon processes; the first leads. Default 1. */
  readonly members?: number;
  readonly host?: string;
  readonly port?: number;
  /** Real limits are minutes. Default 1 for both. */
  readonly timeScale?: Partial<TimeScale>;
  /** Over the defaults, unscaled by `timeScale`. */
  readonly flags?: Partial<Flags>;
  readonly credentials?: Credentials;
  /** The published contract (`api/`, `schema/`): every body is checked against it. See `locateContract`. */
  readonly contract?: string;
  /** Environment of every task, beneath what Marathon gives it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: real processes. */
  readonly runtime?: TaskRuntime;
}

/** What a test turns. Nothing of this is reachable over HTTP. */
export interface SimControl {
  /** @throws `NOT_FOUND` for an agent that Mesos does not know (any more). */
  agent(id: string): AgentControl;
  readonly faults: HttpFaults;
  /** Closes every event stream. */
  dropStreams(): void;
  /** Event streams that are open. */
  streams(): number;
  /** Another member leads; null = none, until the next call. Streams close, what was in memory is lost. */
  changeLeader(to: number | null): void;
  leader(): number | null;
  /** Deployments of that app (`*` = all) do everything but end. */
  holdDeployments(appId: string): void;
  releaseDeployments(): void;
  /** Runs a periodic job of Marathon now instead of when it is due. */
  run(job: "reconcile" | "scale" | "expunge" | "offers"): void;
  /** Answers of the double that the published contract does not allow. Empty, or the double is wrong. */
  contractViolations(): readonly ContractFinding[];
  /** Definitions that clients sent and the published schema does not know. Marathon itself ignores such fields. */
  requestFindings(): readonly ContractFinding[];
  /** Directory of a task's sandbox, with its `stdout` and `stderr`. */
  sandbox(agentId: string, taskId: string): string;
}

export interface MarathonSim {
  /** Base URL of each member. */
  readonly urls: readonly string[];
  readonly control: SimControl;
  /** Ends every task, then the servers. Idempotent. */
  close(): Promise<void>;
}

/** Facts 12. */
const LEADER_WAIT_MS = 2_500;
const PROXY_READ_TIMEOUT_MS = 10_000;

const RESOURCES: Resources = { cpus: 8, mem: 16_384, disk: 100_000, gpus: 0 };
/** Agents that share one machine's network must not be offered the same ports. */
const PORTS_EACH = 100;
const FIRST_PORT = 31_000;

/** Starts a Marathon with its Mesos. Ready for requests when it resolves. */
export async function startMarathonSim(options: MarathonSimOptions): Promise<MarathonSim> {
  const scale = { flags: 1, app: 1, ...options.timeScale };
  const driver = new Driver({ ...defaultFlags(scale), ...options.flags });
  const places = new Map(options.agents.map((agent) => [agent.id, agent]));
  const enter = (agentId: string) => places.get(agentId)?.enter ?? [];
  const runtime = options.runtime ?? createProcessRuntime({ enter, env: options.env ?? {} });
  const executors = new Executors(driver, runtime, options.directory);
  const checks = new LeaderChecks({ driver, addressOf: (agentId) => places.get(agentId)?.address ?? "127.0.0.1" });
  for (const [index, agent] of options.agents.entries()) driver.apply((sim) => addAgent(sim, agentSpec(agent, index)));
  const contract = options.contract === undefined ? null : new ContractCheck(options.contract);
  const group = await Group.start({
    onLeaderChange: () => checks.restart(),
    ...{ driver, contract, credentials: options.credentials ?? null },
    ...{ members: options.members ?? 1, host: options.host ?? "127.0.0.1", port: options.port ?? 0 },
    ...{ leaderWaitMs: LEADER_WAIT_MS * scale.flags, readTimeoutMs: PROXY_READ_TIMEOUT_MS * scale.flags },
  });
  const control: SimControl = {
    agent: (id) => {
      const found = agentControl(driver, executors, id);
      return {
        ...found,
        async rejoin(newId) {
          const place = places.get(id);
          if (place !== undefined) places.set(newId, { ...place, id: newId });
          return found.rejoin(newId);
        },
      };
    },
    faults: group.faults,
    dropStreams: () => group.streams.closeAll(),
    streams: () => group.streams.count,
    changeLeader: (to) => group.changeLeader(to),
    leader: () => group.leader,
    holdDeployments: (appId) => {
      driver.sim.held.add(appId);
    },
    releaseDeployments: () => driver.apply((sim) => sim.held.clear()),
    run: (job) => driver.apply((sim) => runJob(sim, job)),
    contractViolations: () => contract?.responses ?? [],
    requestFindings: () => contract?.requests ?? [],
    sandbox: (agentId, taskId) => executors.sandbox({ agentId, taskId }),
  };
  let closing: Promise<void> | undefined;
  return {
    urls: group.urls,
    control,
    close() {
      closing ??= (async () => {
        checks.close();
        await executors.close();
        await group.close();
        driver.close();
      })();
      return closing;
    },
  };
}

function agentSpec({ enter: _, address: __, resources, ...given }: AgentOptions, index: number): AgentSpec {
  const first = FIRST_PORT + index * PORTS_EACH;
  return {
    ...{ hostname: given.id, region: "primary", zone: "a", attributes: {}, ports: [first, first + PORTS_EACH - 1] },
    ...given,
    resources: { ...RESOURCES, ...resources },
  };
}
