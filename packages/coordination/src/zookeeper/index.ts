export { isClientDefect } from "./client-defect.js";
export type { ZooKeeperAddress, ZooKeeperStoreOptions, ZooKeeperTlsOptions } from "./options.js";
export { createZooKeeperStore } from "./store.js";
export { parseZooKeeperUrl, type ZooKeeperUrl } from "./url.js";
