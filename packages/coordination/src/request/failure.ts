import { ERROR_CODES, type ErrorCode, errorCode, type Grant, HoldfastError, type RequestRecord } from "@holdfast/core";
import { stale } from "./journal.js";

type Failure = NonNullable<RequestRecord["failure"]>;

const TEXT_LENGTH_MAX = 500;

/** What a record can carry of an error; a stranger's is a defect. */
export function failureOf(error: unknown): Failure {
  const code = errorCode(error) ?? "INTERNAL";
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof Error && "hint" in error ? String(error.hint) : "This is a defect; please report it.";
  return { code, message: message.slice(0, TEXT_LENGTH_MAX), hint: hint.slice(0, TEXT_LENGTH_MAX) };
}

/** Pure. @throws `STALE_EPOCH`. */
export function withFailure(
  before: RequestRecord | undefined,
  grant: Pick<Grant, "service" | "epoch" | "run">,
  failure: Failure,
): RequestRecord {
  if (before === undefined || before.epoch !== grant.epoch || before.run !== grant.run) {
    throw stale(grant, "another request stands");
  }
  // A faster server made it ready, and the run has it: the failure of a slower one is for its own log.
  return before.state === "ready" ? before : { ...before, state: "failed", failure };
}

/** The error that the other side had, as its own class of ours. */
export function errorOfFailure(failure: Failure): HoldfastError {
  const code = Object.hasOwn(ERROR_CODES, failure.code) ? (failure.code as ErrorCode) : "INTERNAL";
  return new HoldfastError(code, failure.message, { hint: failure.hint });
}
