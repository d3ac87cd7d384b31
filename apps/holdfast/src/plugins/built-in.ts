import type { Plugin } from "@holdfast/core";
import { createDistributedFsStrategy } from "@holdfast/storage-distributed-fs";
import { createLocalPinStrategy } from "@holdfast/storage-local-pin";
import { createMesosVolumeStrategy } from "@holdfast/storage-mesos-volume";
import { createNbdStrategy } from "@holdfast/storage-nbd";
import { createSharedFsStrategy } from "@holdfast/storage-shared-fs";

/** What every Holdfast brings; imported statically, so that it is in the bundles and needs no `--plugin-dir`. */
export const BUILT_IN: Plugin & { readonly from: string } = {
  from: "holdfast itself",
  apiVersion: 1,
  strategies: [
    createLocalPinStrategy(),
    createSharedFsStrategy(),
    createDistributedFsStrategy(),
    createNbdStrategy(),
    createMesosVolumeStrategy(),
  ],
};
