import type { ErrorCode } from "./error-codes.js";

export interface HoldfastErrorOptions {
  /** What to do next, for the operator. */
  readonly hint: string;
  /** The same call with the same arguments may succeed later. */
  readonly retryable?: boolean;
  /** Typed detail; never a secret. */
  readonly detail?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * Every error that crosses a package boundary. Look at `code`, which never changes its meaning, and not at
 * the class: two copies of this package may meet in one process.
 */
export class HoldfastError extends Error {
  override readonly name: string = "HoldfastError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retryable: boolean;
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: HoldfastErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
    this.detail = options.detail ?? {};
  }
}

/** The code of an error of ours, whichever copy of this package made it; undefined for a stranger's. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error) || !("hint" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** True when the error carries one of the given codes. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): boolean {
  const code = errorCode(error);
  return code !== undefined && (codes as readonly string[]).includes(code);
}
