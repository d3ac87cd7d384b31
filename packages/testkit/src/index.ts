export * from "./fakes/index.js";
export * from "./zookeeper/index.js";
