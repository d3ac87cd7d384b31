export type { FakeStore } from "./client.js";
export type { FaultTarget, InjectedFault, StoreFault, StoreOperation } from "./faults.js";
export { createFakeStoreServer, type FakeStoreServer } from "./server.js";
export type { VersionCheck } from "./state.js";
