export * from "./evidence.js";
export * from "./judge.js";
