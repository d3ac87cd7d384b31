export * from "./atomic-file.js";
export * from "./bounded.js";
export * from "./clock.js";
export * from "./machine.js";
export * from "./mounts.js";
export * from "./op.js";
export * from "./process-state.js";
export * from "./secret.js";
