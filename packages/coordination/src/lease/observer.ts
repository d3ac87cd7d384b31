import {
  type LeaseRecord,
  type LeaseTiming,
  type StoreVersion,
  sameVersion,
  takeoverNotBeforeMs,
} from "@holdfast/core";

/** What a candidate has seen of the record, and since when it has not changed. */
export interface Observation {
  readonly version: StoreVersion;
  readonly record: LeaseRecord;
  /** Monotonic time at which the *answer* that first showed this version had arrived. */
  readonly seenAtMs: number;
}

/**
 * Lease rule 3, the timer: it starts when the answer showing a version has arrived (not at the watch event, not
 * when the read was sent), and polls that show the same version do not restart it. Pure.
 */
export function observe(
  before: Observation | undefined,
  seen: { readonly record: LeaseRecord; readonly version: StoreVersion },
  answeredAtMs: number,
): Observation {
  if (before !== undefined && sameVersion(before.version, seen.version)) return before;
  return { version: seen.version, record: seen.record, seenAtMs: answeredAtMs };
}

export interface CandidateSituation {
  readonly observation: Observation;
  readonly nowMs: number;
  readonly place: number;
  readonly timing: LeaseTiming;
  /**
   * The record was created by this candidate for a service that provably never ran, or the operator said so:
   * the only vacant record that is not waited for (rule 7).
   */
  readonly neverRan: boolean;
  /** A vacant record speaks for an unknown former holder: the largest lease the service may have had. */
  readonly leaseMsMax: number;
}

export type CandidateDecision =
  | { readonly kind: "try" }
  | { readonly kind: "wait"; readonly untilMs: number; readonly why: string }
  | { readonly kind: "refuse"; readonly why: string };

/** Lease rules 3, 6, 7 and 8: may this candidate try to take over now? Pure. */
export function decideCandidate(situation: CandidateSituation): CandidateDecision {
  const { observation, nowMs, place, timing, neverRan } = situation;
  const { record, seenAtMs } = observation;
  switch (record.state.kind) {
    case "destroyed":
      return { kind: "refuse", why: `the service was destroyed at epoch ${record.epoch}` };
    case "released":
    case "yield":
      return waitOrTry(nowMs, seenAtMs + place * timing.renewMs, `${record.state.kind}; ${place} candidates ahead`);
    case "vacant": {
      if (neverRan) return waitOrTry(nowMs, seenAtMs + place * timing.renewMs, `never ran; ${place} candidates ahead`);
      const untilMs = takeoverNotBeforeMs(seenAtMs, Math.max(record.leaseMs, situation.leaseMsMax), timing, place);
      return waitOrTry(
        nowMs,
        untilMs,
        "the record had to be created, and a former holder may still live: waiting one whole lease",
      );
    }
    case "held": {
      const untilMs = takeoverNotBeforeMs(seenAtMs, record.leaseMs, timing, place);
      return waitOrTry(nowMs, untilMs, `held by run ${record.run} on ${record.agent}`);
    }
  }
}

function waitOrTry(nowMs: number, untilMs: number, why: string): CandidateDecision {
  return nowMs >= untilMs ? { kind: "try" } : { kind: "wait", untilMs, why };
}
