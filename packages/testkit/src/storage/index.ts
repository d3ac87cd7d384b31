export type * from "./world.js";
