import { HoldfastError } from "@holdfast/core";
import { ReplyCode, ReplyError, replyCodeName, wasLost } from "./reply-codes.js";

/** What a call was about, for its errors. */
export interface CallSubject {
  /**
   * True when carrying it out twice does no more than once (reads; removing what is ours): it is then sent again after
   * a lost connection. False for everything whose outcome matters: a lost answer is then an unknown outcome.
   */
  readonly repeatable: boolean;
  /** `put services/orders-db/lease` */
  readonly what: string;
}

/** An error of a request that had been handed to the connection, in the terms of `CoordinationStore`. */
export function translateReply(error: unknown, subject: CallSubject): Error {
  if (!(error instanceof ReplyError)) return error instanceof Error ? error : new Error(String(error));
  const { replyCode } = error;
  const { what } = subject;
  const detail = { replyCode };
  if (wasLost(replyCode)) return lost(subject, "the connection ended before the answer came", error);
  switch (replyCode) {
    case ReplyCode.NO_NODE:
      return new HoldfastError("RECORD_MISSING", `${what}: there is no such record.`, {
        hint: "Read again and decide again.",
        cause: error,
      });
    case ReplyCode.NODE_EXISTS:
      return new HoldfastError("RECORD_EXISTS", `${what}: the record exists.`, {
        hint: "Read it and decide again.",
        cause: error,
      });
    case ReplyCode.BAD_VERSION:
      return new HoldfastError("VERSION_CONFLICT", `${what}: the record has another version.`, {
        hint: "Read it and decide again.",
        cause: error,
      });
    case ReplyCode.NO_AUTH:
    case ReplyCode.INVALID_ACL:
      return new HoldfastError("DENIED", `${what}: ZooKeeper refused it (${replyCodeName(replyCode)}).`, {
        hint: "Compare the user in the authentication file with the ACL of the node (getAcl in zkCli.sh).",
        cause: error,
        detail,
      });
    case ReplyCode.AUTH_FAILED:
      // The authentication is the first thing on a connection; a server that refuses it reads nothing more.
      return new HoldfastError("DENIED", `${what}: the server refuses digest authentication.`, {
        hint: "Allow it (zookeeper.DigestAuthenticationProvider.enabled), or leave out the authentication file.",
        cause: error,
        detail,
      });
    case ReplyCode.SASL_REQUIRED:
      return new HoldfastError("DENIED", `${what}: this ensemble accepts only SASL authentication.`, {
        hint: "Holdfast speaks digest authentication and TLS client certificates; allow one of them.",
        cause: error,
        detail,
      });
    case ReplyCode.QUOTA_EXCEEDED:
      return new HoldfastError("DENIED", `${what}: a quota on the path is exhausted.`, {
        hint: "listquota and setquota in zkCli.sh.",
        cause: error,
        detail,
      });
    case ReplyCode.UNIMPLEMENTED:
      return new HoldfastError("STORE_UNSUITABLE", `${what}: this server does not know the operation.`, {
        hint: "ZooKeeper 3.5 or later is needed.",
        cause: error,
        detail,
      });
    case ReplyCode.SESSION_MOVED:
    case ReplyCode.THROTTLED:
      // The server answers with these instead of carrying the request out.
      return new HoldfastError("STORE_UNREACHABLE", `${what}: not carried out (${replyCodeName(replyCode)}).`, {
        hint: "Retry.",
        retryable: true,
        cause: error,
        detail,
      });
    default:
      return lost(subject, `ZooKeeper answered ${replyCodeName(replyCode)} (${replyCode})`, error);
  }
}

/** A call whose answer did not come in time. */
export function unanswered(subject: CallSubject, timeoutMs: number): HoldfastError {
  return lost(subject, `no answer within ${timeoutMs} ms`, undefined);
}

function lost({ repeatable, what }: CallSubject, why: string, cause: Error | undefined): HoldfastError {
  const options = { retryable: true, ...(cause === undefined ? {} : { cause }) };
  return repeatable
    ? new HoldfastError("STORE_UNREACHABLE", `${what}: ${why}.`, { ...options, hint: "Retry until the deadline." })
    : new HoldfastError("UNKNOWN_OUTCOME", `${what}: ${why}.`, {
        ...options,
        hint: "Read the record again: only the exact bytes written prove that the write took effect.",
      });
}
