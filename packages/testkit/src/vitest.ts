/** What needs vitest: suites. Everything else is importable without it from the package itself. */

export { everydayRun, type StorageConformanceOptions, storageConformance } from "./storage/conformance/vitest.js";
export {
  type StoreBackend,
  type StoreContractOptions,
  type StoreRecipe,
  storeContract,
  type Unavailable,
} from "./store-contract/index.js";
