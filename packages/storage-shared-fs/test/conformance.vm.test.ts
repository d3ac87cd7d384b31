import { nfsRecipe } from "@holdfast/testkit";
import { storageConformance } from "@holdfast/testkit/vitest";

const strategy = { module: "@holdfast/storage-shared-fs", from: import.meta.url, export: "createSharedFsStrategy" };

storageConformance(
  "NFSv4, the kernel's server",
  { strategy, recipe: nfsRecipe({ server: "kernel" }) },
  { everyday: ["L0"] },
);
