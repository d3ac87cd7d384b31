export { type SharedFsOptions, sharedFsOptionsSchema } from "./options.js";
export { createSharedFsStrategy } from "./strategy.js";
