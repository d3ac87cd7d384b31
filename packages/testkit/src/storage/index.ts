export * from "./cephfs/index.js";
export * from "./conformance/index.js";
export * from "./glusterfs/index.js";
export * from "./local/index.js";
export * from "./moosefs/index.js";
export * from "./vm/index.js";
export type * from "./world.js";
export * from "./nbd/index.js";
