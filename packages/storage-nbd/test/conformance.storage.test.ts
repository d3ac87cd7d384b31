import { nbdRecipe } from "@holdfast/testkit";
import { storageConformance } from "@holdfast/testkit/vitest";

const strategy = { module: "@holdfast/storage-nbd", from: import.meta.url, export: "createNbdStrategy" };

/** The servers differ in how they are started and asked; every order and crash is played on one of them every day, faults by their own tests. */
const everyday = ["L0", "L3"] as const;
const everydayOfOne = ["L0", "L1", "L2", "L3"] as const;

// First, so that the report that is kept of this server is the other's, which tries all levels.
storageConformance(
  "nbdkit, xfs",
  { strategy, recipe: nbdRecipe("nbdkit", "xfs") },
  { levels: ["L0", "L1"], everyday: ["L0"] },
);
storageConformance("nbdkit, ext4", { strategy, recipe: nbdRecipe("nbdkit", "ext4") }, { everyday: everydayOfOne });
storageConformance("nbd-server, ext4", { strategy, recipe: nbdRecipe("nbd-server", "ext4") }, { everyday });
storageConformance("qemu-nbd, ext4", { strategy, recipe: nbdRecipe("qemu-nbd", "ext4") }, { everyday });
