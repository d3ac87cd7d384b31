import type { StorageFinding } from "@holdfast/core";
import type { VolumeLook, VolumeProblem } from "@holdfast/effects";
import type { ClaimHolder } from "./claim.js";

/** What was seen of a path, without a byte written. */
export type PathObservation =
  /** The look failed, or was given up: hung, unreadable, a mark that cannot be parsed. */
  | {
      readonly kind: "problem";
      readonly path: string;
      readonly problem: VolumeProblem;
      readonly mount: MountFacts | null;
    }
  | {
      readonly kind: "seen";
      readonly path: string;
      readonly look: VolumeLook;
      readonly usage: Usage | null;
      readonly claim: ClaimHolder | null;
    };

/** The mount that a path lies on, as /proc/self/mountinfo has it. */
export interface MountFacts {
  readonly mountPoint: string;
  readonly fsType: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface Usage {
  readonly spaceBytes: number;
  readonly spaceFreeBytes: number;
  readonly inodesFree: number | null;
}

export type Verdict =
  /** A run could use it as it is. */
  | "safe"
  /** Nothing speaks against it; it must be marked first. */
  | "not-marked"
  | "unsafe";

export interface DoctorReport {
  readonly path: string;
  readonly verdict: Verdict;
  readonly why: string;
  readonly mount: MountFacts | null;
  readonly device: string | null;
  readonly usage: Usage | null;
  readonly mark: {
    readonly service: string;
    readonly role: string;
    readonly volumeId: string;
    readonly layout: string;
    readonly createdAt: string;
  } | null;
  readonly last: {
    readonly epoch: bigint;
    readonly agent: string;
    readonly run: string;
    readonly leaseMs: number;
  } | null;
  readonly grade: { readonly grade: string; readonly why: string };
  /** The strategy that is made for this kind of file system; null when none is known. */
  readonly strategy: string | null;
  readonly findings: readonly StorageFinding[];
}
