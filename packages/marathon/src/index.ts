export type { AppsApi, ListAppsOptions, WriteOptions } from "./apps.js";
export type { CallOptions } from "./call.js";
export { createMarathonClient, type MarathonClient } from "./client.js";
export {
  type AppDefinition,
  type AppPatch,
  appDefinitionSchema,
  appIdSchema,
  appPatchSchema,
} from "./definition/app.js";
export type { DeploymentsApi } from "./deployments.js";
export type { ErrorDetail } from "./error-body.js";
export { affectedApps, type MarathonEvent, type ReceivedEvent } from "./events/event.js";
export type { EventItem, EventsOptions } from "./events/follow.js";
export type { QueueApi } from "./queue.js";
export type {
  App,
  Deployment,
  DeploymentResult,
  KillResult,
  MarathonInfo,
  MarathonTask,
  QueueItem,
} from "./schemas.js";
export type { ServerApi } from "./server.js";
export { differences } from "./settle/differences.js";
export { type AppWrite, judgeAppWrite, tasksStillThere, type Verdict } from "./settle/judge.js";
export { type SettleOptions, settleApp } from "./settle/settle.js";
export type { KillOptions, TasksApi } from "./tasks.js";
