export { createMesosClient, type MesosCallOptions, type MesosClient } from "./client.js";
export type { MesosEvent, MesosEventItem, MesosEventsOptions } from "./events.js";
export { type AgentLossTiming, agentLossTiming, type MesosFlags, parseMesosDuration } from "./flags.js";
export { createRecordIoParser } from "./recordio.js";
export { persistentVolume, type ReservedScalar, reservedScalar, type VolumeRequest } from "./resources/build.js";
export {
  amountOf,
  type DiskSource,
  identityOf,
  type MesosResource,
  type PersistentVolume,
  type Reservation,
  reservationsOf,
  thousandths,
  volumesOf,
} from "./resources/resource.js";
export {
  judgeCreate,
  judgeDestroy,
  judgeReserve,
  judgeUnreserve,
  type ResourceVerdict,
} from "./resources/settle.js";
export type {
  MesosAgent,
  MesosAgents,
  MesosFramework,
  MesosFrameworks,
  MesosMaster,
  MesosQuota,
  MesosRole,
  MesosState,
  MesosTask,
  MesosTasks,
} from "./schemas.js";
