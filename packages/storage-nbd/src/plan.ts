import type { ObservedVolume, StoragePlan, StorageStep, StorageTarget } from "@holdfast/core";

/** Pure. Formers are fenced, what a clean run left attached is detached, then it is attached here. */
export function planNbd(observed: ObservedVolume, target: StorageTarget): StoragePlan {
  if (!observed.exists) return { kind: "wait", why: "the server has no image for this volume" };
  const steps: StorageStep[] = [];
  const fenced = new Set<string>();
  for (const former of target.former) {
    // An agent that is fenced has been given nothing since: it is let back in only by unfence.
    if (former.agent === target.agent || observed.fenced.includes(former.agent)) continue;
    steps.push({ verb: "fence", former, why: `${former.agent} had epoch ${former.epoch} and did not release` });
    fenced.add(former.agent);
  }
  for (const { agent, epoch } of observed.attachments) {
    if (agent === target.agent || fenced.has(agent)) continue;
    if (epoch !== null && epoch >= target.epoch) {
      return { kind: "wait", why: `${agent} has it under epoch ${epoch}, which is not older than ${target.epoch}` };
    }
    steps.push({ verb: "detach", agent, why: `${agent} released it, but the server still exports it to there` });
  }
  if (observed.fenced.includes(target.agent)) {
    steps.push({ verb: "unfence", agent: target.agent, why: "it runs there next, and its former run is gone" });
  }
  const attached = observed.attachments.some(
    ({ agent, epoch }) => agent === target.agent && epoch === target.epoch && observed.detail.serving === true,
  );
  if (!attached) steps.push({ verb: "attach", agent: target.agent, why: "it runs there next" });
  return { kind: "steps", steps };
}
