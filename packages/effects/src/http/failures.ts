import { HoldfastError } from "@holdfast/core";
import type { ExchangeError } from "./exchange.js";

export interface Attempt {
  readonly endpoint: string;
  readonly problem: string;
  readonly untrusted: boolean;
}

export function attemptOf(endpoint: URL, error: ExchangeError): Attempt {
  return { endpoint: endpoint.origin, problem: error.message, untrusted: error.untrusted };
}

/** No configured address gave an answer, and none that could have acted on the request saw it. */
export function unreachable(service: string, attempts: readonly Attempt[]): HoldfastError {
  const what = attempts.map(({ endpoint, problem }) => `${endpoint}: ${problem}`).join("; ");
  const detail = { attempts: attempts.map(({ endpoint, problem }) => ({ endpoint, problem })) };
  if (attempts.length > 0 && attempts.every(({ untrusted }) => untrusted)) {
    return new HoldfastError("DENIED", `${service} shows a certificate that is not accepted. ${what}.`, {
      hint: "Name the authority that signed it, and an address that stands in it.",
      detail,
    });
  }
  return new HoldfastError("API_UNREACHABLE", `${service} gave no answer. ${what}.`, {
    hint: "Check the addresses, the network and that it runs. Nothing was changed.",
    retryable: true,
    detail,
  });
}

/** A change was sent and no complete answer came back. */
export function unknownOutcome(service: string, method: string, url: URL, error: ExchangeError): HoldfastError {
  const message = `${method} ${url.pathname} was sent to ${service} at ${url.origin}, but its answer was lost: ${error.message}.`;
  return new HoldfastError("UNKNOWN_OUTCOME", message, {
    hint: "It may have been applied, and may still be. Read back what it should have changed before repeating it.",
    detail: { method, path: url.pathname, endpoint: url.origin },
    cause: error.cause ?? error,
  });
}

export function redirectRefused(service: string, from: URL, why: string): HoldfastError {
  return new HoldfastError("DENIED", `${service} at ${from.origin} redirects ${why}; this is not followed.`, {
    hint: "Credentials go to configured addresses only. Configure the address of every instance, as it names itself.",
    detail: { endpoint: from.origin },
  });
}
