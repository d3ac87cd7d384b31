import { cephFsRecipe, glusterRecipe, mooseFsRecipe } from "@holdfast/testkit";
import { storageConformance } from "@holdfast/testkit/vitest";

const strategy = {
  module: "@holdfast/storage-distributed-fs",
  from: import.meta.url,
  export: "createDistributedFsStrategy",
};

storageConformance("GlusterFS, replica 3", { strategy, recipe: glusterRecipe({ replicas: 3 }) });
storageConformance("MooseFS", { strategy, recipe: mooseFsRecipe() });
storageConformance("CephFS", { strategy, recipe: cephFsRecipe() });
