import type { Service } from "@holdfast/core";
import type { FileProblem } from "./issues.js";
import type { ServiceFile } from "./read.js";

/**
 * The schema is that of later versions, too. What decides whether a run may start, and this version does not do, is refused
 * and not ignored.
 */
export function refuseUnsupported({ service, problem }: ServiceFile): void {
  const problems = unsupportedIn(service);
  if (problems.length > 0) throw problem(problems);
}

/** Pure: the same, as a list. */
export function unsupportedIn({ spec: { exclusivity, restore } }: Service): readonly FileProblem[] {
  const fix = "Leave it out; this version of Holdfast does not do it.";
  return [
    { used: exclusivity.onStoreLoss === "keep", keys: ["spec", "exclusivity", "onStoreLoss"] },
    { used: restore.onEmptyVolume !== "never", keys: ["spec", "restore", "onEmptyVolume"] },
  ].flatMap(({ used, keys }) => (used ? [{ keys, atKey: true, message: "is not supported yet", fix }] : []));
}

/** What a run can do without and this version does not do: told, so that nobody relies on it. Pure. */
export function notDone({ spec }: Service): string[] {
  const { backup, alerts, discovery, resources } = spec;
  const asked = [
    { used: backup.length > 0, what: "spec.backup: no backup is taken" },
    { used: alerts.backupAgeHours !== undefined, what: "spec.alerts: nobody is alerted" },
    { used: discovery !== undefined, what: "spec.discovery: no endpoint is published" },
    { used: resources.iops !== undefined, what: "spec.resources.iops: input and output are not limited" },
    { used: resources.network !== undefined, what: "spec.resources.network: the network is not limited" },
  ];
  return asked.flatMap(({ used, what }) => (used ? [`${what} by this version of Holdfast.`] : []));
}
