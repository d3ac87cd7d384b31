import * as z from "zod";
import { cephFsDriver } from "./cephfs/driver.js";
import { cephFsOptionsSchema } from "./cephfs/options.js";
import type { CommonOptions } from "./common-options.js";
import type { FileSystemDriver } from "./driver.js";
import { glusterfsDriver } from "./glusterfs/driver.js";
import { glusterfsOptionsSchema } from "./glusterfs/options.js";
import { lustreDriver } from "./lustre/driver.js";
import { lustreOptionsSchema } from "./lustre/options.js";
import { mooseFsDriver } from "./moosefs/driver.js";
import { mooseFsOptionsSchema } from "./moosefs/options.js";

/** One file system per line: its options here, its driver below. */
export const distributedFsOptionsSchema = z.discriminatedUnion("type", [
  glusterfsOptionsSchema,
  lustreOptionsSchema,
  mooseFsOptionsSchema,
  cephFsOptionsSchema,
]);
export type DistributedFsOptions = z.output<typeof distributedFsOptionsSchema>;

const drivers: { readonly [Type in DistributedFsOptions["type"]]: unknown } = {
  glusterfs: glusterfsDriver,
  lustre: lustreDriver,
  moosefs: mooseFsDriver,
  cephfs: cephFsDriver,
};

/** The driver of parsed options; the type in them names its schema, so the two belong together. */
export function driverOf(options: DistributedFsOptions): FileSystemDriver<DistributedFsOptions & CommonOptions> {
  return drivers[options.type] as FileSystemDriver<DistributedFsOptions & CommonOptions>;
}
