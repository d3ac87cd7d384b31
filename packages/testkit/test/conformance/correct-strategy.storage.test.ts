import { imageRecipe } from "@holdfast/testkit";
import { storageConformance } from "@holdfast/testkit/vitest";

/** The strategy that the broken ones are one line away from. It is no plugin: the executable does not know it. */
storageConformance(
  "image",
  {
    strategy: { module: "@holdfast/testkit", from: import.meta.url, export: "createImageStrategy" },
    recipe: imageRecipe,
  },
  { holdfast: null },
);
