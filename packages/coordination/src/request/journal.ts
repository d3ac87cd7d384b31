import { type Grant, HoldfastError, type RequestRecord, requestRecordFormat, storePaths } from "@holdfast/core";
import { type RecordContext, readServiceLease, whileAway } from "./context.js";
import { updateRecord } from "./record-update.js";

type Right = Pick<Grant, "service" | "epoch" | "run" | "signal">;

/** The request record of one grant: every change is version-checked, and refused once another grant has it. */
export class RequestJournal {
  readonly #context: RecordContext;
  readonly #right: Right;
  #record: RequestRecord;

  private constructor(context: RecordContext, right: Right, record: RequestRecord) {
    this.#context = context;
    this.#right = right;
    this.#record = record;
  }

  /** @param begin - what the record becomes; see `decideRequest`. */
  static async open(
    context: RecordContext,
    right: Right,
    begin: (before: RequestRecord | undefined) => RequestRecord,
  ): Promise<RequestJournal> {
    const path = storePaths.request(right.service);
    const record = await updateRecord(context, path, requestRecordFormat, begin, right.signal);
    if (record === undefined) throw new Error("the request record was neither written nor kept");
    return new RequestJournal(context, right, record);
  }

  get record(): RequestRecord {
    return this.#record;
  }

  /** @param change - pure, and the same again when it was applied already. @throws `STALE_EPOCH`, store errors. */
  async write(change: (record: RequestRecord) => RequestRecord): Promise<void> {
    const { service, epoch, run, signal } = this.#right;
    const decide = (before: RequestRecord | undefined) => {
      if (before === undefined || before.epoch !== epoch || before.run !== run) {
        throw stale(this.#right, before === undefined ? "its request is gone" : describe(before));
      }
      return change(before);
    };
    const path = storePaths.request(service);
    const written = await updateRecord(this.#context, path, requestRecordFormat, decide, signal);
    if (written !== undefined) this.#record = written;
  }

  /** Takes over what others added meanwhile: an operator's receipt. @throws as `write`. */
  refresh(): Promise<void> {
    return this.write((record) => record);
  }

  /**
   * Whether the grant stands, as far as the store tells: asked after the journal was written, so that this client has seen
   * whatever was there before. @throws `STALE_EPOCH`.
   */
  async requireGrant(): Promise<void> {
    await requireGrant(this.#context, this.#right);
  }
}

/** @returns the lease record. @throws `STALE_EPOCH` when it is not this run's at this epoch any more; store errors. */
export async function requireGrant(context: RecordContext, right: Right) {
  const { service, epoch, run, signal } = right;
  signal.throwIfAborted();
  const seen = await whileAway(context, signal, () => readServiceLease(context, service, signal));
  if (seen === undefined) throw stale(right, "the lease record is gone");
  const { record } = seen;
  if (record.epoch !== epoch || record.run !== run) throw stale(right, describe(record));
  if (record.state.kind !== "held") throw stale(right, `it is ${record.state.kind}`);
  return record;
}

export function stale(right: Omit<Right, "signal">, why: string): HoldfastError {
  return new HoldfastError("STALE_EPOCH", `Epoch ${right.epoch} of ${right.service} is over: ${why}.`, {
    hint: "Nothing more is done under it; the present holder goes on.",
    detail: { epoch: right.epoch.toString(), run: right.run },
  });
}

function describe(record: { readonly epoch: bigint; readonly run: string; readonly agent: string }): string {
  return `run ${record.run} on ${record.agent} has epoch ${record.epoch}`;
}
