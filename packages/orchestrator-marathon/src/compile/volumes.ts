import type { SchedulerVolume, StorageCapabilities, StorageStrategy, Volume } from "@holdfast/core";

/** What compiling needs to know of one volume: what its strategy says, as data. */
export interface PlacedVolume {
  readonly role: string;
  readonly strategy: string;
  readonly mountPath: string;
  readonly capabilities: Pick<StorageCapabilities, "movesBetweenAgents" | "mounts" | "cutMsMax">;
  /** The volume that Mesos has to make; null where the strategy brings its own. */
  readonly scheduler: SchedulerVolume | null;
}

/** Pure: the volume as its strategy describes it. @throws `INVALID_SPEC` of the strategy's own options. */
export function placedVolume(strategy: StorageStrategy, volume: Volume): PlacedVolume {
  return {
    role: volume.role,
    strategy: strategy.type,
    mountPath: volume.mountPath,
    capabilities: strategy.capabilities(volume),
    scheduler: strategy.schedulerVolume?.(volume) ?? null,
  };
}
