export type { RestoredCopy, RestoreRequest, RestoreSource } from "@holdfast/effects";
export {
  auditReservations,
  type GivenUp,
  NOTHING_GIVEN_UP,
  type ReservationEntry,
  type ReservationOwner,
} from "./operator/audit.js";
export { applyClean, type CleanProgress } from "./operator/clean.js";
export { type CleanPlan, type CleanStep, planClean } from "./operator/clean-plan.js";
export { type ClusterView, readCluster } from "./operator/cluster.js";
export { persistenceIdOf } from "./operator/names.js";
export { judgePrerequisites, type PrerequisiteFacts } from "./operator/prerequisites.js";
export { destroyVolume, provisionVolume } from "./operator/provision.js";
export { decideProvision, type ProvisionDecision, type WantedVolume } from "./operator/provision-decision.js";
export { amountsOf } from "./operator/reservations.js";
export type { OperatorContext } from "./operator/settle.js";
export { type MesosVolumeOptions, mesosVolumeOptionsSchema } from "./options.js";
export { createMesosVolumeStrategy, holdfastPlugin, type MesosVolumeDependencies } from "./strategy.js";
