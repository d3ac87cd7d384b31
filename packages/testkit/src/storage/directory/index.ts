export * from "./recipe.js";
