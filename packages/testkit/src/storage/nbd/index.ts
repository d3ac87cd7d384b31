export type { NbdMachine, NbdServerKind } from "./machine.js";
export { type NbdFsType, type NbdRecipe, type NbdRecipeOptions, type NbdWorld, nbdRecipe } from "./recipe.js";
