export type { NbdMachine, NbdServerKind } from "./machine.js";
export { type NbdFsType, type NbdRecipeOptions, type NbdWorld, nbdRecipe } from "./recipe.js";
