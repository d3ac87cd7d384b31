export { createDirectoryStore, type DirectoryStoreOptions } from "./store.js";
