export * from "./lock-protocol.js";
