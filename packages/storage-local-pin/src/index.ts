export { type LocalPinOptions, localPinOptionsSchema } from "./options.js";
export { choosePin, type PinChoice } from "./placement.js";
export type { RestoredCopy, RestoreRequest, RestoreSource } from "./restore-source.js";
export { createLocalPinStrategy, holdfastPlugin, type LocalPinDependencies } from "./strategy.js";
