import type { ObservedVolume, StoragePlan, StorageStep, StorageTarget } from "@holdfast/core";

/** Pure. Formers are fenced, what a clean run left attached is detached, then it is attached here. */
export function planNbd(observed: ObservedVolume, target: StorageTarget): StoragePlan {
  if (!observed.exists) return { kind: "wait", why: "the server has no image for this volume" };
  const steps: StorageStep[] = [];
  const fenced = new Set<string>();
  for (const former of target.former) {
    if (former.agent === target.agent) continue;
    // Also when the server says that it is fenced already: the receipt is the answer, and asking twice is harmless.
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
