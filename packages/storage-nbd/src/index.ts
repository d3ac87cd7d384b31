export { type NbdOptions, nbdOptionsSchema } from "./options.js";
export { createNbdStrategy } from "./strategy.js";
