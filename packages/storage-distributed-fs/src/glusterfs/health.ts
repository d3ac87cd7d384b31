import type { BrickState, HealState, VolumeInfo } from "./xml.js";

export interface Health {
  /** Replica sets that have too few bricks to be written to, in words. */
  readonly lostQuorum: readonly string[];
  readonly offline: readonly string[];
  readonly splitBrain: readonly string[];
}

/** Pure. Entries of other subdirectories are left out; those known by their id alone might be ours. */
export function judgeHealth(
  info: VolumeInfo,
  states: readonly BrickState[],
  splitBrain: readonly HealState[],
  subdirectory: string | undefined,
): Health {
  const online = new Set(states.filter((state) => state.online).map(({ name }) => name));
  const sets = new Map<number, { size: number; online: number }>();
  for (const brick of info.bricks) {
    const set = sets.get(brick.set) ?? { size: 0, online: 0 };
    sets.set(brick.set, { size: set.size + 1, online: set.online + (online.has(brick.name) ? 1 : 0) });
  }
  const ours = (entry: string) =>
    subdirectory === undefined ||
    !entry.startsWith("/") ||
    entry === subdirectory ||
    entry.startsWith(`${subdirectory}/`);
  return {
    lostQuorum: [...sets].flatMap(([number, set]) =>
      set.online < writeQuorum(info, set.size) ? [`set ${number}: ${set.online} of ${set.size} bricks are up`] : [],
    ),
    offline: info.bricks.map(({ name }) => name).filter((name) => !online.has(name)),
    splitBrain: [...new Set(splitBrain.flatMap(({ entries }) => entries))].filter(ours),
  };
}

/** `cluster.quorum-type auto`: more than half. A dispersed set needs more than half by construction. */
function writeQuorum(info: VolumeInfo, size: number): number {
  return info.replicas > 1 || info.dispersed > 0 ? Math.floor(size / 2) + 1 : size;
}
