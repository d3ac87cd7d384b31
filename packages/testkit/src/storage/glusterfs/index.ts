export * from "./cluster.js";
export * from "./recipe.js";
export type { GlusterServer } from "./server.js";
