export { type AskedStorage, type AskOptions, requestStorage } from "./ask.js";
export { type RecordContext, readServiceLease } from "./context.js";
export { type DrivenStorage, type DriveOptions, driveRequest } from "./drive.js";
export { type FenceOptions, fenceFormer } from "./fence-former.js";
export type { StepEvent } from "./perform.js";
export { updateRecord } from "./record-update.js";
export { type ServedService, type ServeOptions, serveRequests } from "./serve.js";
