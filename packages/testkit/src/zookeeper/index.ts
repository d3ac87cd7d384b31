export * from "./ensemble.js";
export * from "./fault-proxy.js";
export * from "./four-letter.js";
export type { WireFrame } from "./frames.js";
export { freePort } from "./free-port.js";
export * from "./pki.js";
export * from "./runtime.js";
export * from "./server.js";
export type { ZooKeeperServerTls } from "./server-config.js";
