export * from "./clock.js";
export * from "./engine.js";
export * from "./op.js";
export * from "./orchestrator.js";
export * from "./storage-strategy.js";
export * from "./store/index.js";
