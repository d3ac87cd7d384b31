import { localRecipe } from "@holdfast/testkit";
import { storageConformance } from "@holdfast/testkit/vitest";

const strategy = { module: "@holdfast/storage-local-pin", from: import.meta.url, export: "createLocalPinStrategy" };

// First, so that the report that is kept is the other's, which tries all levels.
storageConformance(
  "local-pin, in place",
  { strategy, recipe: localRecipe({ inPlace: true }) },
  { levels: ["L0", "L1"] },
);
storageConformance("local-pin, bound to its mount path", { strategy, recipe: localRecipe() });
