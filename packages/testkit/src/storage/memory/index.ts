export { imageRecipe } from "./recipe.js";
export { createImageStrategy } from "./strategy.js";
