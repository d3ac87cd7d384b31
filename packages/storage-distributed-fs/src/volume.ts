import { HoldfastError, type Volume } from "@holdfast/core";
import type { CommonOptions } from "./common-options.js";
import type { DriverVolume, FileSystemDriver } from "./driver.js";
import { type DistributedFsOptions, distributedFsOptionsSchema, driverOf } from "./drivers.js";

export interface Bound {
  readonly driver: FileSystemDriver<DistributedFsOptions & CommonOptions>;
  readonly volume: DriverVolume<DistributedFsOptions & CommonOptions>;
}

/** A volume with its parsed options and the driver for them. */
export function bind(volume: Volume): Bound {
  const parsed = distributedFsOptionsSchema.safeParse(volume.options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = ["options", ...(issue?.path ?? [])].join(".");
    throw new HoldfastError("INVALID_SPEC", `${path}: ${issue?.message ?? "cannot be read"}`, {
      hint: "Correct the volume's options; the README of this strategy lists them.",
      detail: { path },
    });
  }
  return { driver: driverOf(parsed.data), volume: { ...volume, options: parsed.data } };
}
