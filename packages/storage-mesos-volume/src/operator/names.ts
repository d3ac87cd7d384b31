import type { Volume } from "@holdfast/core";

/** Labels of our reservations: they tell amounts apart that would merge otherwise, and whose they are. */
export const SERVICE_LABEL = "holdfast_service";
export const ROLE_LABEL = "holdfast_role";
/** As Marathon labels its reservations (TaskLabels.scala). The second one's value is an instance, despite its name. */
export const MARATHON_FRAMEWORK_LABEL = "marathon_framework_id";
export const MARATHON_INSTANCE_LABEL = "marathon_task_id";

type VolumeName = Pick<Volume, "service" | "role">;

/**
 * Pure: id of the volume of a service in the whole cluster. Always the same, so that a volume whose making was interrupted,
 * or whose agent came back under another id or name, is found and not made again.
 */
export function persistenceIdOf({ service, role }: VolumeName): string {
  return `holdfast.${service}.${role}`;
}

export function labelsOf({ service, role }: VolumeName): Readonly<Record<string, string>> {
  return { [SERVICE_LABEL]: service, [ROLE_LABEL]: role };
}

/** A persistent volume as Marathon names it: `<path with _ for />#<containerPath>#<uuid>` (LocalVolumeId). */
export interface MarathonVolumeName {
  readonly app: string;
  readonly name: string;
}

/** Pure. Undefined when Marathon gave no such id. */
export function parseMarathonVolumeId(id: string): MarathonVolumeName | undefined {
  const match = /^([^#]+)#([^#]+)#[^#]+$/.exec(id);
  return match?.[1] === undefined || match[2] === undefined ? undefined : { app: match[1], name: match[2] };
}
