export type { AgentControl } from "./agent-control.js";
export type { ContractFinding } from "./contract/check.js";
export { locateContract } from "./contract/locate.js";
export { defaultFlags, type Flags, type TimeScale } from "./core/flags.js";
export type { HttpFaults, RequestMatch } from "./http/faults.js";
export { createProcessRuntime, type ProcessRuntimeOptions } from "./launcher/process-runtime.js";
export type { RuntimeTask, TaskExit, TaskRuntime } from "./launcher/runtime.js";
export {
  type AgentOptions,
  type MarathonSim,
  type MarathonSimOptions,
  type SimControl,
  startMarathonSim,
} from "./marathon-sim.js";
