export * from "./directory/index.js";
export * from "./lease/index.js";
export * from "./zookeeper/index.js";
