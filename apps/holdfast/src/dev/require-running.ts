import { HoldfastError } from "@holdfast/core";
import { type Layout, type Owner, readOwner } from "./layout.js";

/** @throws `NOT_RUNNING` when no cluster was started there, or it was taken down. */
export function requireRunning(layout: Layout): Owner {
  const owner = readOwner(layout);
  if (owner !== undefined && !owner.ended) return owner;
  throw new HoldfastError("NOT_RUNNING", `No development cluster runs in ${layout.directory}.`, {
    hint: "Start one with `holdfast dev up`, or give its directory with --dir.",
  });
}
