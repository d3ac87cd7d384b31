export { type NfsRecipe, type NfsRecipeOptions, type NfsWorld, nfsRecipe } from "./recipe.js";
export { LEASE_SECONDS as NFS_LEASE_SECONDS, type NfsServer } from "./server.js";
