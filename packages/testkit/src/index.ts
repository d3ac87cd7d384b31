export * from "./agents/index.js";
export * from "./fakes/index.js";
export * from "./faults/index.js";
export * from "./judge/index.js";
export * from "./naive/index.js";
export * from "./writer/index.js";
export * from "./zookeeper/index.js";
