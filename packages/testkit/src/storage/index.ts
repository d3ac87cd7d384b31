export * from "./moosefs/index.js";
export type * from "./world.js";
export * from "./cephfs/index.js";
