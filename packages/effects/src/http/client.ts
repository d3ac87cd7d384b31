import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { readBody } from "./body.js";
import { authorization, type HttpCredentials } from "./credentials.js";
import { type Deadline, startDeadline } from "./deadline.js";
import { decideRedirect, parseEndpoints, resolvePath } from "./endpoint.js";
import { describe, ExchangeError, exchange } from "./exchange.js";
import { type Attempt, attemptOf, redirectRefused, unknownOutcome, unreachable } from "./failures.js";
import { type HttpTls, readTls } from "./tls.js";

export interface HttpClientOptions {
  /** Name for messages: `"Marathon"`. */
  readonly service: string;
  /** Base URLs of its instances, all equal. The one that answered last is asked first. */
  readonly endpoints: readonly string[];
  readonly credentials?: HttpCredentials | undefined;
  readonly tls?: HttpTls | undefined;
}

export interface HttpCall {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the base URL, with a leading slash, already encoded. */
  readonly path: string;
  readonly query?: ReadonlyArray<readonly [string, string]>;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body?: string;
  /**
   * `read`: may be asked of another instance after any failure. `write`: only while it certainly was not sent; no method
   * tells that by itself (Mesos reads with POST).
   */
  readonly effect: "read" | "write";
  /** For the whole call, whatever the number of instances. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Largest body that is read; default 64 MiB. */
  readonly bytesMax?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Who answered, after redirects. */
  readonly url: URL;
}

export interface HttpStream {
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly chunks: AsyncIterable<Uint8Array>;
  close(): void;
}

export interface HttpClient {
  /**
   * Resolves with whatever was answered, errors included; only redirects are followed (307 and 308 with the method kept,
   * others for GET), at most three.
   * @throws `API_UNREACHABLE`: no answer, and certainly no effect. Retry.
   * @throws `UNKNOWN_OUTCOME`: a write was sent and its answer lost, also by abort. Read back before repeating it.
   * @throws `DENIED`: a redirect that may not be followed; a certificate that is not accepted; an unreadable secret.
   * @throws `NOT_FOUND`, `INVALID_SPEC`: the credentials or certificates cannot be read. Nothing was sent.
   * @throws the signal's reason when aborted, unless a write had been sent.
   */
  call(call: HttpCall): Promise<HttpAnswer>;
  /**
   * A read whose answer does not end. `timeoutMs` is for its beginning; afterwards only `signal` and `close` end it.
   * Resolves with an {@link HttpAnswer} when the status is not 200. Errors as {@link call}; an error inside the
   * stream is thrown by `chunks`.
   */
  open(call: HttpCall & { readonly effect: "read" }): Promise<HttpStream | HttpAnswer>;
}

interface Landed {
  readonly message: IncomingMessage;
  readonly url: URL;
}

const REDIRECTS_MAX = 3;
const BYTES_MAX = 64 * 1024 * 1024;
/** What a proxy or a standby answers that found nobody to pass the request on to. */
const GATEWAY_FAILURES: readonly number[] = [502, 503, 504];

export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { service } = options;
  const endpoints = parseEndpoints(options.endpoints, service);
  let preferred = 0;

  async function land(index: number, call: HttpCall, deadline: Deadline, connectTimeoutMs: number): Promise<Landed> {
    let url = resolvePath(endpoints[index] as URL, call.path, call.query);
    let landedAt: number | null = index;
    for (let redirects = 0; ; redirects += 1) {
      // Read for each request: whoever rotates a secret or a certificate need not tell us.
      const files = [
        authorization(options.credentials),
        url.protocol === "https:" ? readTls(options.tls) : {},
      ] as const;
      const [credential, tls] = await unlessEnded(Promise.all(files), deadline.signal);
      const message = await exchange({
        method: call.method,
        url,
        headers: headersOf(call, credential),
        body: call.body,
        tls,
        connectTimeoutMs,
        signal: deadline.signal,
      });
      if (!isRedirect(message, call)) {
        // An address outside the configuration was led to, and can be asked for again only by being led to again.
        if (landedAt !== null && !GATEWAY_FAILURES.includes(message.statusCode ?? 0)) preferred = landedAt;
        return { message, url };
      }
      message.destroy();
      if (redirects === REDIRECTS_MAX) throw new ExchangeError(`more than ${REDIRECTS_MAX} redirects`, false);
      const decision = decideRedirect(message.headers.location, url, endpoints, options.credentials !== undefined);
      if (decision.kind === "refuse") throw redirectRefused(service, url, decision.why);
      ({ url, endpoint: landedAt } = decision);
    }
  }

  async function attempts<T>(
    call: HttpCall,
    finish: (landed: Landed, deadline: Deadline, last: boolean) => Promise<T>,
  ) {
    call.signal?.throwIfAborted();
    const whole = startDeadline(call.timeoutMs, call.signal);
    const problems: Attempt[] = [];
    const start = preferred;
    try {
      for (const [position] of endpoints.entries()) {
        const index = (start + position) % endpoints.length;
        const left = endpoints.length - position;
        // Each instance that is left gets an equal part of the time, so that one that hangs does not use up all of it.
        // A write keeps the rest once it is connected: it may not be taken elsewhere any more.
        const shareMs = whole.remainingMs() / left;
        const deadline = startDeadline(call.effect === "read" ? shareMs : whole.remainingMs(), whole.signal);
        try {
          return await finish(await land(index, call, deadline, shareMs), deadline, left === 1);
        } catch (error) {
          if (!(error instanceof ExchangeError)) throw error;
          const endpoint = endpoints[index] as URL;
          if (error.sent && call.effect === "write") {
            throw unknownOutcome(service, call.method, resolvePath(endpoint, call.path), error);
          }
          call.signal?.throwIfAborted();
          problems.push(attemptOf(endpoint, error));
          if (whole.signal.aborted) break;
        } finally {
          deadline.dispose();
        }
      }
    } finally {
      whole.dispose();
    }
    throw unreachable(service, problems);
  }

  async function answer(landed: Landed, call: HttpCall, deadline: Deadline, last: boolean): Promise<HttpAnswer> {
    const { message, url } = landed;
    const bytes = await readBody(message, call.bytesMax ?? BYTES_MAX, deadline.signal);
    const { statusCode: status = 0, headers } = message;
    const text = bytes.toString("utf8");
    if (call.effect === "read" && !last && GATEWAY_FAILURES.includes(status)) {
      throw new ExchangeError(`it answered ${status}`, true);
    }
    return { status, headers, text, url };
  }

  return {
    call: (call) => attempts(call, (landed, deadline, last) => answer(landed, call, deadline, last)),
    open: (call) =>
      attempts<HttpStream | HttpAnswer>(call, async (landed, deadline, last) => {
        if (landed.message.statusCode !== 200) return answer(landed, call, deadline, last);
        return streamOf(landed, call.signal);
      }),
  };
}

/** A file on a dead mount never answers; the call ends all the same. */
function unlessEnded<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(describe(signal.reason, false, signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function streamOf({ message, url }: Landed, signal: AbortSignal | undefined): HttpStream {
  const onAbort = () => message.destroy(signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
  if (signal?.aborted) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  message.once("close", () => signal?.removeEventListener("abort", onAbort));
  const { headers } = message;
  return { url, headers, chunks: message as AsyncIterable<Uint8Array>, close: () => message.destroy() };
}

function isRedirect({ statusCode = 0 }: IncomingMessage, call: HttpCall): boolean {
  // 301 to 303 turn a change into a GET; such an answer is left to the caller, who sees that nothing was changed.
  return statusCode === 307 || statusCode === 308 || (call.method === "GET" && [301, 302, 303].includes(statusCode));
}

function headersOf(call: HttpCall, credential: string | undefined): Record<string, string> {
  return {
    accept: "application/json",
    "accept-encoding": "identity",
    ...(call.body === undefined
      ? {}
      : { "content-type": "application/json", "content-length": String(Buffer.byteLength(call.body)) }),
    ...call.headers,
    ...(credential === undefined ? {} : { authorization: credential }),
  };
}
