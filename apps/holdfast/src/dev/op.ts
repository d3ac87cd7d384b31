import type { Op } from "@holdfast/core";
import { createOp, nativeVolumeTools } from "@holdfast/effects";
import { locateInit } from "../embedded.js";

/** The development cluster's own commands; what its tasks do is not its business. */
export function devOp(signal: AbortSignal, directory: string): Op {
  return createOp({
    signal,
    logger: { log: () => undefined },
    volumeTools: nativeVolumeTools(locateInit().path ?? "holdfast-init"),
    workDirectory: directory,
  });
}
