import type { ErrorCode } from "./error-codes.js";
import type { Epoch } from "./ids.js";
import type { VolumeEvidence } from "./storage/observation.js";

export interface RecordedVolume {
  readonly volumeId: string;
  readonly agent: string;
  /** The strategy can fill an empty volume from a backup, and the service file permits it. */
  readonly restores: boolean;
}

export interface VolumeExpectation {
  readonly service: string;
  /** Epoch of the grant under which it is verified; null before a grant (read-only look). */
  readonly epoch: Epoch | null;
  /** Run of the grant; null before a grant. */
  readonly run: string | null;
  /** Device seen at start; another one later means another file system. */
  readonly device?: string;
  /** The path must be a mount point of its own. */
  readonly mustBeMountPoint?: boolean;
  /** The volume that an earlier run verified, as the store has it; null or absent = the service never ran on one. */
  readonly recorded?: RecordedVolume | null;
  /** How this volume is marked, for the hint; default: `holdfast volume init` with its path. */
  readonly markCommand?: string;
}

export type VolumeDecision =
  | { readonly kind: "usable"; readonly neverRan: boolean }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly message: string; readonly hint: string };

const refuse = (code: ErrorCode, message: string, hint: string): VolumeDecision => ({
  kind: "refused",
  code,
  message,
  hint,
});

/**
 * What was verified once is expected again. An empty directory in its place is a disk that is not mounted, or a new volume
 * (Mesos gives one when an agent is marked gone), and never an invitation to mark it and begin anew.
 */
function lostVolume({ path, mark, empty }: VolumeEvidence, expected: VolumeExpectation): VolumeDecision | null {
  const { recorded = null, service } = expected;
  if (recorded === null || mark?.volumeId === recorded.volumeId) return null;
  // Of another service: the message about that says more.
  if (mark !== null && mark.service !== service) return null;
  const instead = mark === null ? (empty ? "an empty directory" : "data without a mark") : `volume ${mark.volumeId}`;
  return refuse(
    "IDENTITY_MISMATCH",
    `The volume ${recorded.volumeId} of ${service} should be at ${path}; there is ${instead}. It was first verified on agent ${recorded.agent}.`,
    recorded.restores
      ? "Nothing was started or changed. Bring the volume back; or decide that it is lost, then a restore fills the empty one from a backup."
      : "Nothing was started or changed. Bring the volume back. If it is lost, restore a backup by hand; marking another volume does not replace it.",
  );
}

/** Pure: may a run of this service and epoch start on what was seen? Order matters: the most telling reason first. */
export function decideVolume(seen: VolumeEvidence, expected: VolumeExpectation): VolumeDecision {
  if (!seen.mounted) {
    return refuse(
      "VOLUME_MISSING",
      `The volume ${seen.path} is not there.`,
      "Mount it, or correct --volume. Nothing was written.",
    );
  }
  if (expected.device !== undefined && expected.device !== seen.device) {
    return refuse(
      "VOLUME_CHANGED",
      `The volume ${seen.path} is now device ${seen.device}; it was ${expected.device} when this run started.`,
      "Somebody unmounted it or mounted something over it.",
    );
  }
  if (expected.mustBeMountPoint === true && seen.device === seen.parentDevice) {
    return refuse(
      "VOLUME_MISSING",
      `The directory ${seen.path} is there, but nothing is mounted on it.`,
      "Mount the volume, or leave out --volume-must-be-mounted if it is meant to lie on the parent's file system.",
    );
  }
  const lost = lostVolume(seen, expected);
  if (lost !== null) return lost;
  if (seen.mark === null) {
    const command = expected.markCommand ?? `holdfast volume init ${seen.path} --service ${expected.service}`;
    const content = seen.empty ? "is empty and" : "holds data but";
    return refuse(
      "VOLUME_UNMARKED",
      `The directory ${seen.path} ${content} carries no volume mark.`,
      seen.empty ? `If this is the right place: ${command}` : `If this is the service's data: ${command} --adopt`,
    );
  }
  if (seen.mark.service !== expected.service) {
    return refuse(
      "IDENTITY_MISMATCH",
      `The volume ${seen.path} belongs to service ${seen.mark.service}, not to ${expected.service}.`,
      "Mount the right volume, or correct --service. Nothing was written.",
    );
  }
  if (seen.readOnly) {
    return refuse(
      "VOLUME_READ_ONLY",
      `The volume ${seen.path} is mounted read-only.`,
      "See the kernel log: a file system turns read-only after an error.",
    );
  }
  if (expected.epoch !== null && seen.epoch !== null && seen.epoch > expected.epoch) {
    return refuse(
      "STALE_EPOCH",
      `The volume ${seen.path} has been used under epoch ${seen.epoch}, this grant has only ${expected.epoch}.`,
      "The store was lost or restored from an older copy. Make sure that nothing runs, then: " +
        `holdfast lock recover --service ${expected.service} --epoch-above ${seen.epoch} --confirm`,
    );
  }
  if (expected.epoch !== null && seen.epoch === expected.epoch && seen.epochRun !== expected.run) {
    return refuse(
      "STALE_EPOCH",
      `The volume ${seen.path} has been used under this very epoch, ${seen.epoch}, by another run (${seen.epochRun}).`,
      "The store was lost while this run was waiting. Make sure that nothing runs, then: " +
        `holdfast lock recover --service ${expected.service} --epoch-above ${seen.epoch} --confirm`,
    );
  }
  return { kind: "usable", neverRan: seen.epoch === null };
}
