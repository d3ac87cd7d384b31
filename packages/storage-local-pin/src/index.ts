export type { RestoredCopy, RestoreRequest, RestoreSource } from "@holdfast/effects";
export { type LocalPinOptions, localPinOptionsSchema } from "./options.js";
export { choosePin, type PinChoice } from "./placement.js";
export { createLocalPinStrategy, holdfastPlugin, type LocalPinDependencies } from "./strategy.js";
