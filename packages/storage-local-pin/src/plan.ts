import type { ObservedVolume, StoragePlan, StorageTarget } from "@holdfast/core";
import { homeOf } from "./placement.js";

/**
 * Pure: a run goes on only where the data is on record. Former holders elsewhere are not fenced, because nothing here can;
 * they had the same disk only if they were on the same agent, where their tree is gone.
 */
export function planLocal(observed: ObservedVolume, target: StorageTarget): StoragePlan {
  const home = homeOf(observed.recorded);
  if (home !== null && home !== target.agent) {
    const since = observed.recorded?.pin?.why;
    return {
      kind: "wait",
      why: `the data is on agent ${home}${since === undefined ? "" : ` (${since})`}, and this is ${target.agent}; it can only run there`,
    };
  }
  const why = home === null ? `${target.agent} becomes the agent of the data` : "its data is there";
  return { kind: "steps", steps: [{ verb: "attach", agent: target.agent, why }] };
}
