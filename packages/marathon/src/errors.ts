import { type ErrorCode, HoldfastError } from "@holdfast/core";
import type { HttpAnswer } from "@holdfast/effects";
import { type ErrorBody, parseErrorBody } from "./error-body.js";

/** What was asked, for messages: `"Replacing /db/orders"`. */
export interface Asked {
  readonly what: string;
  readonly effect: "read" | "write";
}

interface Reading {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retryable?: boolean;
}

/**
 * The error for an answer that is not a success. Pure.
 *
 * Two readings are deliberately narrow. A 404 says that something does not exist only in Marathon's own words; the same
 * status from a proxy or from a wrong address must not be taken for "there is no such app, so create it". And a 5xx to
 * a change is `UNKNOWN_OUTCOME`: a standby answers 500 when the leader did not reply in time, and the leader may have
 * applied it (LeaderProxyFilter.scala).
 */
export function errorOf(answer: Pick<HttpAnswer, "status" | "text" | "url">, asked: Asked): HoldfastError {
  const body = parseErrorBody(answer.text);
  const { code, hint, retryable = false } = read(answer.status, body, asked);
  const message = `${asked.what}: Marathon at ${answer.url.origin} answered ${answer.status}: ${body.words}`;
  return new HoldfastError(code, message, {
    hint,
    retryable,
    detail: {
      status: answer.status,
      endpoint: answer.url.origin,
      ...(body.details.length > 0 ? { errors: body.details } : {}),
      ...(body.deployments.length > 0 ? { deployments: body.deployments } : {}),
    },
  });
}

function read(status: number, body: ErrorBody, asked: Asked): Reading {
  const message = body.message ?? "";
  switch (status) {
    case 400:
    case 422:
      return {
        code: "INVALID_SPEC",
        hint: "Correct what it names. Marathon checks the whole tree: the complaint may be about another app.",
      };
    case 401:
      return {
        code: "DENIED",
        hint: "The credentials are missing or wrong. The file is read again for each request; correct it in place.",
      };
    case 403:
      if (/running deployments/i.test(message)) {
        return { code: "BUSY", retryable: true, hint: "Wait until deployments finish, then call again." };
      }
      return { code: "DENIED", hint: "The credentials are known, but do not permit this. Ask for the right." };
    case 404:
      if (/does not exist|not found|no leader/i.test(message)) {
        return { code: "NOT_FOUND", hint: "It does not exist; check the id." };
      }
      return strange("This is not how Marathon says that something does not exist. Check the address.");
    case 409:
      if (/already (exists|created)/i.test(message)) {
        return { code: "RECORD_EXISTS", hint: "Read it, and decide whether it is the one that you want." };
      }
      return {
        code: "BUSY",
        retryable: true,
        hint:
          "Another deployment has locked the app. Wait for it, or look at why it does not finish; force cancels it and " +
          "is safe only if it concerns this app alone.",
      };
    case 429:
      return { code: "BUSY", retryable: true, hint: "Too many requests; call again later." };
    default:
      return status >= 500 ? readFailure(status, message, asked) : strange("Check that the address is Marathon's.");
  }
}

function readFailure(status: number, message: string, asked: Asked): Reading {
  // Marathon's own 500 for a route that it does not have: nothing can have been changed.
  if (/^URI not found/i.test(message)) return strange("This Marathon does not know the call. Check its version.");
  if (asked.effect === "write") {
    return {
      code: "UNKNOWN_OUTCOME",
      hint: "It may have been applied, and may still be. Read back what it should have changed before repeating it.",
    };
  }
  if (status === 500) return { ...strange("See Marathon's log."), retryable: true };
  return {
    code: "API_UNREACHABLE",
    retryable: true,
    hint: "No leader, no ZooKeeper or too much load. Nothing was changed; call again later.",
  };
}

function strange(hint: string): Reading {
  return { code: "API_UNREADABLE", hint };
}

/** A success whose body is not what the contract says. For a change, that it was applied can then only be read back. */
export function unreadable(answer: Pick<HttpAnswer, "status" | "url">, asked: Asked, problem: string): HoldfastError {
  const write = asked.effect === "write";
  const message = `${asked.what}: the answer (${answer.status}) of ${answer.url.origin} cannot be read: ${problem}`;
  return new HoldfastError(write ? "UNKNOWN_OUTCOME" : "API_UNREADABLE", message, {
    hint: write
      ? "Read back what it should have changed. Check that the address is Marathon's and no login page's."
      : "Check that the address is Marathon's, and its version.",
    detail: { status: answer.status, endpoint: answer.url.origin },
  });
}
