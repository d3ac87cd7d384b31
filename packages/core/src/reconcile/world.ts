import type { DefinitionDiff, ObservedService } from "../orchestrator.js";
import type { CatalogueRecord } from "../records/catalogue.js";
import type { DecisionsRecord } from "../records/decisions.js";
import type { LeaseRecord } from "../records/lease.js";
import type { Pause } from "../records/pause.js";

/** What the orchestrator said, and what applying the service would do there; or why neither is known. */
export type ObservedPlace =
  | {
      readonly kind: "seen";
      readonly observed: ObservedService;
      /** What the service compiles to at present; `waits` when it cannot be compiled. */
      readonly target:
        | { readonly kind: "definition"; readonly digest: string; readonly diff: DefinitionDiff }
        | { readonly kind: "waits"; readonly code: string; readonly why: string };
    }
  | { readonly kind: "silent"; readonly why: string };

/** One service as the controller sees it. Plain data: equal worlds give equal plans. */
export interface ServiceWorld {
  readonly catalogue: CatalogueRecord;
  readonly decisions: DecisionsRecord | null;
  /** Null = nobody ever held it. */
  readonly lease: LeaseRecord | null;
  /** Of this service or of all. */
  readonly pause: Pause | null;
  readonly place: ObservedPlace;
  /** Wall time, milliseconds. Only damps repetition and ends pauses; it never lets anything write. */
  readonly nowMs: number;
}

export interface ReconcileLimits {
  /** At most `automaticMax` operations that nobody asked for within `windowMs`; then the controller waits for a person. */
  readonly windowMs: number;
  readonly automaticMax: number;
  /** After a failure: this long, doubled with each further one, up to `retryMsMax`. */
  readonly retryMs: number;
  readonly retryMsMax: number;
}

export const DEFAULT_RECONCILE_LIMITS: ReconcileLimits = {
  windowMs: 10 * 60_000,
  automaticMax: 3,
  retryMs: 5_000,
  retryMsMax: 5 * 60_000,
};
