export { type DistributedFsOptions, distributedFsOptionsSchema } from "./drivers.js";
export { createDistributedFsStrategy } from "./strategy.js";
