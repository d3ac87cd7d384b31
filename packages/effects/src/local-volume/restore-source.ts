import type { Op } from "@holdfast/core";

/** Where a service's data comes from when its disk is lost. The backup packages provide one; the app passes it in. */
export interface RestoreSource {
  /**
   * Fills an empty directory with a copy of the data set, owners and modes included, and touches nothing outside of it.
   * Called again, it gets an empty directory again.
   * @throws `NOT_FOUND`: there is no such backup. `DENIED`: no access to the repository. Anything else may be tried again.
   */
  restore(op: Op, request: RestoreRequest): Promise<RestoredCopy>;
}

export interface RestoreRequest {
  readonly service: string;
  readonly role: string;
  /** As `restoreFrom` says: `latest-verified`, or the id of a backup. */
  readonly from: string;
  /** Absolute path of the empty directory. */
  readonly into: string;
}

export interface RestoredCopy {
  /** The backup that it was, by its id. */
  readonly from: string;
  /** Upper bound of the time whose writes the copy lacks; null = not known. */
  readonly lossMsMax: number | null;
}
