import { errorCode, HoldfastError } from "@holdfast/core";

/** What every refusal looks like. */
export interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint: string;
    readonly retryable: boolean;
    readonly detail: Readonly<Record<string, unknown>>;
  };
}

const STATUS: Readonly<Record<string, number>> = {
  USAGE: 400,
  DENIED: 403,
  NOT_FOUND: 404,
  VERSION_CONFLICT: 409,
  BUSY: 409,
  HELD_BY_OTHER: 409,
  STALE_EPOCH: 409,
  UNFENCEABLE: 409,
  INVALID_SPEC: 422,
  UNSUPPORTED: 422,
  INCOMPATIBLE: 422,
  BAD_CONFIGURATION: 422,
  NO_CAPACITY: 422,
  STORE_UNREACHABLE: 503,
  API_UNREACHABLE: 503,
  UNKNOWN_OUTCOME: 503,
  WAIT_LIMIT: 503,
};

/** Pure. What is not an error of ours is a defect: its message stays in the log. */
export function errorAnswer(error: unknown): { readonly status: number; readonly body: ErrorBody } {
  const code = errorCode(error);
  if (code !== undefined && error instanceof Error) {
    const { hint, retryable, detail } = error as HoldfastError;
    const status = STATUS[code] ?? 500;
    return { status, body: { error: { code, message: error.message, hint, retryable, detail } } };
  }
  const clientStatus = statusOf(error);
  if (clientStatus !== undefined) {
    const message = error instanceof Error ? error.message : "The request was refused.";
    return {
      status: clientStatus,
      body: { error: { code: "USAGE", message, hint: "See /openapi.json.", retryable: false, detail: {} } },
    };
  }
  const hint = "This is a defect in Holdfast; the controller's log has the message.";
  return {
    status: 500,
    body: { error: { code: "INTERNAL", message: "The controller failed.", hint, retryable: false, detail: {} } },
  };
}

/** What fastify itself refuses: too large, not JSON, no such route. */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("statusCode" in error)) return undefined;
  const { statusCode } = error;
  return typeof statusCode === "number" && statusCode >= 400 && statusCode < 500 ? statusCode : undefined;
}

export function unauthorised(): HoldfastError {
  return new HoldfastError("DENIED", "This needs a token that is known here.", {
    hint: "Give --token-file FILE, or the header `authorization: Bearer TOKEN`.",
    detail: { authenticated: false },
  });
}

export function forbidden(name: string, role: string, needed: string): HoldfastError {
  return new HoldfastError("DENIED", `${name} has the role ${role}; this needs ${needed}.`, {
    hint: "Ask somebody with that role.",
    detail: { role, needed },
  });
}
