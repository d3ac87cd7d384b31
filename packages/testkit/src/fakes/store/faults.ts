import { errorCode } from "@holdfast/core";

export type StoreOperation =
  | "open"
  | "get"
  | "create"
  | "put"
  | "delete"
  | "list"
  | "enqueue"
  | "place"
  | "leave"
  | "candidates"
  | "findings";

export type StoreFault =
  /** The request never arrives. A write ends with UNKNOWN_OUTCOME, since its sender cannot know; a read is unreachable. */
  | { readonly kind: "lost-request" }
  /** The request takes effect, its answer never arrives. */
  | { readonly kind: "lost-reply" }
  /** A write whose sender gave up; it takes effect when the test calls `applyLate`, if its version still matches. */
  | { readonly kind: "late" }
  /** A read answered from an older state. */
  | { readonly kind: "stale-read"; readonly versionsBehind: number }
  /** Refused without effect. */
  | { readonly kind: "refused"; readonly code: "STORE_UNREACHABLE" | "DENIED" };

/** Which calls a fault hits; what is left out matches everything. */
export interface FaultTarget {
  readonly op?: StoreOperation;
  readonly path?: string;
  /** Name of the client, as given to `connect`. */
  readonly client?: string;
  /** How many calls; default 1. */
  readonly times?: number;
}

export interface InjectedFault {
  /** Calls hit so far. */
  readonly hits: number;
  /** Lets the withheld writes arrive, oldest first; true for each that took effect. */
  applyLate(): boolean[];
  /** Hits nothing any more. */
  remove(): void;
}

interface Rule {
  readonly fault: StoreFault;
  readonly target: FaultTarget;
  readonly withheld: (() => boolean)[];
  left: number;
  hits: number;
}

/** What the calls of a fake store run into, in the order in which it was programmed. */
export class StoreFaults {
  readonly #rules: Rule[] = [];

  inject(target: FaultTarget, fault: StoreFault): InjectedFault {
    const rule: Rule = { fault, target, withheld: [], left: target.times ?? 1, hits: 0 };
    this.#rules.push(rule);
    return {
      get hits() {
        return rule.hits;
      },
      applyLate: () => rule.withheld.splice(0).map((apply) => apply()),
      remove: () => {
        rule.left = 0;
      },
    };
  }

  /** The fault of this call, if one is due; uses it up. */
  take(call: { readonly op: StoreOperation; readonly path: string; readonly client: string }): TakenFault | undefined {
    const rule = this.#rules.find(
      ({ left, target }) =>
        left > 0 &&
        (target.op ?? call.op) === call.op &&
        (target.path ?? call.path) === call.path &&
        (target.client ?? call.client) === call.client,
    );
    if (rule === undefined) return undefined;
    rule.left -= 1;
    rule.hits += 1;
    return { fault: rule.fault, withhold: (apply) => void rule.withheld.push(apply) };
  }
}

export interface TakenFault {
  readonly fault: StoreFault;
  readonly withhold: (apply: () => boolean) => void;
}

/** Runs a write that arrives after its sender gave up: a refusal is an answer nobody hears. */
export function tookEffect(apply: () => unknown): boolean {
  try {
    apply();
    return true;
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return false;
  }
}
