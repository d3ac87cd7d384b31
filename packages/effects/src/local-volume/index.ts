export * from "./directory.js";
export { restoreLocalVolume } from "./restore.js";
export type * from "./restore-source.js";
