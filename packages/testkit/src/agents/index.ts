export * from "./agent.js";
export * from "./command.js";
export * from "./network.js";
export * from "./processes.js";
export * from "./until.js";
