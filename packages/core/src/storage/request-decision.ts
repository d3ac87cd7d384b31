import type { AgentId, Epoch, RunId } from "../ids.js";
import type { FenceReceipt, RequestRecord } from "../records/request.js";
import { mergeFormer } from "./former-decision.js";
import type { FormerHolder } from "./observation.js";

export interface WantedRequest {
  readonly service: string;
  readonly epoch: Epoch;
  readonly run: RunId;
  readonly agent: AgentId;
  readonly former: readonly FormerHolder[];
  /** `asked`: somebody else shall serve it. `serving`: the caller begins. */
  readonly state: "asked" | "serving";
}

export type RequestDecision =
  | { readonly kind: "write"; readonly record: RequestRecord }
  | { readonly kind: "keep"; readonly record: RequestRecord }
  | { readonly kind: "stale"; readonly why: string };

/** `run` of a record that an operator's receipt made: no run's request, and older than every one. */
export const NO_REQUEST_RUN = "operator";

/**
 * What becomes of the request record when a run that won an epoch asks, or somebody begins to serve it: requests of
 * older epochs are void, their receipts and the holders that nobody fenced are carried on. Pure.
 */
export function decideRequest(before: RequestRecord | undefined, wanted: WantedRequest): RequestDecision {
  const { service, epoch, run, agent, state } = wanted;
  if (before !== undefined && before.epoch > epoch) {
    return { kind: "stale", why: `run ${before.run} asks under epoch ${before.epoch}, this grant has ${epoch}` };
  }
  if (before !== undefined && before.epoch === epoch && before.run !== run && before.run !== NO_REQUEST_RUN) {
    return { kind: "stale", why: `run ${before.run} asks under epoch ${epoch} too` };
  }
  if (before === undefined || before.run !== run) {
    return {
      kind: "write",
      record: {
        ...{ v: 1, service, epoch, run, agent, state, former: toRecord(wanted.former), steps: [], contexts: {} },
        receipts: before?.receipts ?? [],
      },
    };
  }
  const former = mergeFormer(before.former, wanted.former);
  const known = former.length === before.former.length && former.every((f, i) => f.epoch === before.former[i]?.epoch);
  // What a faster server has made ready stays so while a slower one looks at it.
  const served = before.state === "serving" || (before.state === "ready" && known);
  const goesOn = state === "asked" ? before.state !== "failed" : served;
  if (known && goesOn) return { kind: "keep", record: before };
  const { failure: _, ...rest } = before;
  return { kind: "write", record: { ...rest, state: goesOn ? before.state : state, former: toRecord(former) } };
}

function toRecord(former: readonly FormerHolder[]): RequestRecord["former"] {
  return former.map((holder) => ({ ...holder }));
}

type Step = RequestRecord["steps"][number];
type StepName = Pick<Step, "verb" | "role" | "agent">;

/** Journal entries kept; a record has a limit, and a wait tries again and again. */
const STEPS_MAX = 24;
/** Of the present epoch all are kept, because each covers somebody; of older ones as many as there is room. */
const RECEIPTS_MAX = 8;
const EVIDENCE_LENGTH_MAX = 1_500;
const OLD_EVIDENCE_LENGTH_MAX = 300;

/** Pure: a step begins. One that the same server began and did not finish (it died) is begun again. */
export function beginStep(record: RequestRecord, step: Step & { readonly state: "started" }): RequestRecord {
  const open = (other: Step) => other.state === "started" && other.by === step.by && sameStep(other, step);
  const steps = [...record.steps.filter((other) => !open(other)), step];
  return { ...record, state: "serving", steps: steps.slice(-STEPS_MAX) };
}

/** Pure: what became of the step that was begun. */
export function endStep(record: RequestRecord, step: Step): RequestRecord {
  const index = record.steps.findLastIndex(
    (other) => other.state === "started" && other.by === step.by && sameStep(other, step),
  );
  const steps = index < 0 ? [...record.steps, step] : record.steps.with(index, step);
  return { ...record, steps: steps.slice(-STEPS_MAX) };
}

function sameStep(a: StepName, b: StepName): boolean {
  return a.verb === b.verb && a.role === b.role && a.agent === b.agent;
}

/** Pure: the newest receipt per agent, volume and kind of word; evidence of older epochs is shortened. */
export function addReceipt(record: RequestRecord, receipt: FenceReceipt): RequestRecord {
  const replaced = (other: FenceReceipt) =>
    other.agent === receipt.agent &&
    other.role === receipt.role &&
    other.strategy === receipt.strategy &&
    other.fencedEpoch <= receipt.fencedEpoch;
  const kept = [...record.receipts.filter((other) => !replaced(other)), receipt];
  const own = kept.filter(({ byEpoch }) => byEpoch >= receipt.byEpoch);
  const older = kept.filter(({ byEpoch }) => byEpoch < receipt.byEpoch);
  const room = Math.max(0, RECEIPTS_MAX - own.length);
  const ownLength = own.length > RECEIPTS_MAX / 2 ? OLD_EVIDENCE_LENGTH_MAX : EVIDENCE_LENGTH_MAX;
  const receipts = [
    ...older.slice(older.length - Math.min(room, older.length)).map((one) => shorten(one, OLD_EVIDENCE_LENGTH_MAX)),
    ...own.map((one) => shorten(one, ownLength)),
  ];
  return { ...record, receipts };
}

function shorten(receipt: FenceReceipt, lengthMax: number): FenceReceipt {
  return { ...receipt, evidence: receipt.evidence.slice(0, lengthMax) };
}
