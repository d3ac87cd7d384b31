export * from "./access.js";
export * from "./child.js";
export * from "./look.js";
export * from "./probe.js";
export * from "./records.js";
export * from "./tools.js";
