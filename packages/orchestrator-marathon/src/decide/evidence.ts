import { type FenceReceipt, formerOfRecord, type Grade, isFenced, type LeaseRecord } from "@holdfast/core";

/**
 * What the caller saw in the coordination store and at the storage: the only things that prove a run to be over. Marathon
 * states can hold something back; they never permit anything.
 */
export interface RunEvidence {
  /** The service's lease record, read from the store just now; null = there is none. */
  readonly record: LeaseRecord | null;
  /**
   * The caller's own timer saw this very version of the record, unchanged, for `leaseMs × 1.01 + guardMs` since a read of it
   * had been answered (lease rule 3).
   */
  readonly ranOut: boolean;
  readonly receipts: readonly FenceReceipt[];
  /** The service's promise. Above `lease-only` it demands a receipt for a holder that did not release. */
  readonly grade: Grade;
  /** Roles of the service's volumes, each of which must be fenced where a receipt is demanded. */
  readonly roles: readonly string[];
}

export type MissingProof = "evidence" | "record" | "lease" | "receipt";

export type Proof =
  | { readonly kind: "over"; readonly why: string }
  | { readonly kind: "open"; readonly missing: MissingProof; readonly why: string; readonly hint: string };

/** Pure: whether no former holder of the service can write any more. */
export function proofOf(service: string, evidence: RunEvidence | null): Proof {
  if (evidence === null) {
    const hint = "Hand over what the store says: the lease record, whether it ran out, and the receipts.";
    return open("evidence", "nothing was shown that says what became of the run", hint);
  }
  const { record, ranOut } = evidence;
  if (record === null) return open("record", "there is no lease record", "Look at `holdfast lock status`.");
  if (record.service !== service) {
    return open("record", `the lease record is that of ${record.service}`, `Read the record of ${service}.`);
  }
  const { state } = record;
  if (state.kind === "destroyed")
    return { kind: "over", why: "the service was destroyed, and its record is a tombstone" };
  const holder = `epoch ${record.epoch} on ${record.agent}`;
  if ((state.kind === "held" || state.kind === "vacant") && !ranOut) {
    const hint = `Wait: it is released, or runs out ${record.leaseMs} ms after its last renewal.`;
    const what = state.kind === "held" ? `${holder} holds the lease` : "the record was created anew";
    return open("lease", `${what}, and it was not seen to run out`, hint);
  }
  const unfenced = unfencedOf(record, evidence);
  if (unfenced !== null) {
    const hint = `Fence it with \`holdfast failover\`, or when its machine is certainly off: holdfast lock fenced --epoch ${unfenced.epoch} --confirm`;
    const why = `there is no receipt that epoch ${unfenced.epoch} on ${unfenced.agent} was cut off`;
    return open("receipt", why, hint);
  }
  return { kind: "over", why: whyOver(record, evidence) };
}

/** The first of the former holders that needs a receipt and has none. */
function unfencedOf(record: LeaseRecord, { grade, receipts, roles }: RunEvidence) {
  const needed = formerOfRecord(record).filter(
    // Who released nothing and left nothing needs none where the grade is that of the lease alone.
    ({ epoch }) => !(epoch === record.epoch && record.state.kind === "held" && grade === "lease-only"),
  );
  // Without roles nothing could be missing, and nothing would be proven.
  const fenced = (former: (typeof needed)[number]) =>
    roles.length > 0 && roles.every((role) => isFenced(receipts, former, role));
  return needed.find((former) => !fenced(former)) ?? null;
}

function whyOver(record: LeaseRecord, { grade }: RunEvidence): string {
  const holder = `epoch ${record.epoch} on ${record.agent}`;
  switch (record.state.kind) {
    case "released":
      return `${holder} has released the lease`;
    case "yield":
      return `${holder} gave up, and a receipt says that it is cut off`;
    case "vacant":
      return "nobody took the lease for as long as it may last";
    default:
      return grade === "lease-only"
        ? `the lease of ${holder} was seen to run out`
        : `the lease of ${holder} was seen to run out, and a receipt says that it is cut off`;
  }
}

/**
 * Pure: whether this task's run can write no more. Beyond {@link proofOf}: where another task holds the lease, this one is
 * at most a former holder, which stopped itself before the takeover; with a grade that demands receipts, it must have one.
 */
export function proofOfTask(
  service: string,
  task: { readonly id: string; readonly agent: string },
  evidence: RunEvidence | null,
): Proof {
  const proof = proofOf(service, evidence);
  if (proof.kind === "over" || proof.missing !== "lease" || evidence === null) return proof;
  const { record, grade, receipts, roles } = evidence;
  if (record?.state.kind !== "held") return proof;
  const holder = record.holder.task;
  if (holder === undefined || holder === task.id) return proof;
  const former = { agent: task.agent, epoch: record.epoch - 1n, bootId: null };
  const fenced = roles.length > 0 && roles.every((role) => isFenced(receipts, former, role));
  if (grade === "lease-only" || fenced) {
    return { kind: "over", why: `the lease is held by ${holder}, epoch ${record.epoch} on ${record.agent}` };
  }
  const hint = "Wait until its agent is back, or until that run has fenced its predecessors.";
  return open(
    "receipt",
    `${holder} holds the lease, but there is no receipt for what ran on ${task.agent} before`,
    hint,
  );
}

function open(missing: MissingProof, why: string, hint: string): Proof {
  return { kind: "open", missing, why, hint };
}
