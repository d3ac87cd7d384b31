export * from "./cluster.js";
export * from "./recipe.js";
