export * from "./directory/index.js";
export * from "./handover/index.js";
export * from "./lease/index.js";
export * from "./quarantine/index.js";
export * from "./request/index.js";
export * from "./storage-record/index.js";
export * from "./zookeeper/index.js";
