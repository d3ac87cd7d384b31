import { cephFsRecipe, glusterRecipe, mooseFsRecipe } from "@holdfast/testkit";
import { storageConformance } from "@holdfast/testkit/vitest";

const strategy = {
  module: "@holdfast/storage-distributed-fs",
  from: import.meta.url,
  export: "createDistributedFsStrategy",
};

/** What the others lack in an everyday run, their own fault tests have; the whole is played before a proof is filed. */
const everyday = ["L0", "L1"] as const;

storageConformance(
  "GlusterFS, replica 3",
  { strategy, recipe: glusterRecipe({ replicas: 3 }) },
  { everyday: ["L0", "L1", "L3"] },
);
storageConformance("MooseFS", { strategy, recipe: mooseFsRecipe() }, { everyday });
storageConformance("CephFS", { strategy, recipe: cephFsRecipe() }, { everyday });
