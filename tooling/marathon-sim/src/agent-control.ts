import {
  agentOf,
  cutAgent,
  declareUnreachable,
  forgetAgent,
  markAgentGone,
  rebootAgent,
  reconnectAgent,
  replaceAgent,
} from "./core/mesos.js";
import type { Agent } from "./core/model.js";
import type { Driver } from "./driver.js";
import type { Executors } from "./launcher/executor.js";

/**
 * One agent as a test moves it. `cut` is the link between agent and master alone, as when only Mesos cannot reach it:
 * what else the machine's network does is the test's, through its `NetworkAgent`.
 */
export interface AgentControl {
  readonly id: string;
  /** The link goes down; Mesos notices after `agentLostMs`. The processes go on. */
  cut(): void;
  /** The link goes down and Mesos has given the agent up already: TASK_UNREACHABLE now. */
  unreachable(): void;
  /** The link is up again: the agent registers with its id and its tasks, and reports what ended meanwhile. */
  back(): void;
  /** Everything on the machine is killed, as by a power cut; the master only sees silence. */
  powerOff(): Promise<void>;
  /** The machine is up again after `powerOff`: the same agent id, no tasks, its reservations still there. */
  boot(): void;
  /** `powerOff`, then `boot`. */
  reboot(): Promise<void>;
  /** MARK_AGENT_GONE: TASK_GONE_BY_OPERATOR now. An agent that is cut runs on, and ends everything when it is back. */
  markGone(): void;
  /** Mesos drops the unreachable agent from its registry: TASK_UNKNOWN at the next reconciliation. */
  forget(): void;
  /** The machine comes back as another agent: its processes are killed, its reservations and volumes lost. */
  rejoin(newId: string): Promise<AgentControl>;
  /** Link, what the master believes, and the tasks that really run there. */
  state(): { readonly link: Agent["link"]; readonly registration: Agent["registration"]; readonly tasks: string[] };
}

export function agentControl(driver: Driver, executors: Executors, id: string): AgentControl {
  agentOf(driver.sim, id);
  const boot = () => driver.apply((sim) => rebootAgent(sim, id));
  const powerOff = async () => {
    driver.apply((sim) => cutAgent(sim, id));
    await executors.powerOff(id);
  };
  return {
    id,
    cut: () => driver.apply((sim) => cutAgent(sim, id)),
    unreachable: () =>
      driver.apply((sim) => {
        cutAgent(sim, id);
        const agent = agentOf(sim, id);
        if (agent.registration === "registered") declareUnreachable(sim, agent);
      }),
    back: () => driver.apply((sim) => reconnectAgent(sim, id)),
    powerOff,
    boot,
    async reboot() {
      await powerOff();
      boot();
    },
    markGone: () => driver.apply((sim) => markAgentGone(sim, id)),
    forget: () => driver.apply((sim) => forgetAgent(sim, id)),
    async rejoin(newId) {
      await powerOff();
      driver.apply((sim) => replaceAgent(sim, id, newId));
      return agentControl(driver, executors, newId);
    },
    state() {
      const { link, registration, tasks } = agentOf(driver.sim, id);
      return { link, registration, tasks: [...tasks.keys()] };
    },
  };
}
