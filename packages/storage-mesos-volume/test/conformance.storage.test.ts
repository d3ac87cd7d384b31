import { localRecipe } from "@holdfast/testkit";
import { storageConformance } from "@holdfast/testkit/vitest";

// The directory that an agent gives to a task, on a real disk, bound to the mount path by the run. What needs a Mesos master
// to be seen (who makes the directory, and where) is no part of this world.
const strategy = {
  module: "@holdfast/storage-mesos-volume",
  from: import.meta.url,
  export: "createMesosVolumeStrategy",
};
const recipe = localRecipe({ backend: "mesos-persistent-volume", volumeOptions: { view: "sandbox" } });

storageConformance("mesos-volume, bound from the agent's directory", { strategy, recipe });
