/** Error codes of the ZooKeeper protocol (`KeeperException.Code`, 3.8), those that the client does not know included. */
export const ReplyCode = {
  CONNECTION_LOSS: -4,
  UNIMPLEMENTED: -6,
  NO_NODE: -101,
  NO_AUTH: -102,
  BAD_VERSION: -103,
  NODE_EXISTS: -110,
  NOT_EMPTY: -111,
  SESSION_EXPIRED: -112,
  INVALID_ACL: -114,
  AUTH_FAILED: -115,
  SESSION_MOVED: -118,
  SASL_REQUIRED: -124,
  QUOTA_EXCEEDED: -125,
  THROTTLED: -127,
} as const;

/** A request that was answered with an error, or whose connection ended before the answer. */
export class ReplyError extends Error {
  override readonly name = "ReplyError";
  readonly replyCode: number;
  /** Which operation of a transaction failed; undefined for a single request. */
  readonly failedOperation: number | undefined;

  constructor(replyCode: number, options: { readonly failedOperation?: number; readonly cause?: unknown } = {}) {
    super(`ZooKeeper answered ${replyCodeName(replyCode)} (${replyCode})`, { cause: options.cause });
    this.replyCode = replyCode;
    this.failedOperation = options.failedOperation;
  }
}

/** Whether the connection or the session ended before an answer came. */
export function wasLost(replyCode: number): boolean {
  return replyCode === ReplyCode.CONNECTION_LOSS || replyCode === ReplyCode.SESSION_EXPIRED;
}

export function replyCodeName(replyCode: number): string {
  return Object.entries(ReplyCode).find(([, code]) => code === replyCode)?.[0] ?? "an error unknown to the client";
}

/** The code that the client put on an error; undefined when it carries none. */
export function replyCodeOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "number" ? error.code : undefined;
}
