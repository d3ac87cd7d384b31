import type { Plugin } from "@holdfast/core";
import { createLocalPinStrategy } from "@holdfast/storage-local-pin";

/** What every Holdfast brings; imported statically, so that it is in the bundles and needs no `--plugin-dir`. */
export const BUILT_IN: Plugin & { readonly from: string } = {
  from: "holdfast itself",
  apiVersion: 1,
  strategies: [createLocalPinStrategy()],
};
