import { type IncomingMessage, request as plainRequest, type RequestOptions } from "node:http";
import { request as tlsRequest } from "node:https";
import type { TlsMaterial } from "./tls.js";

export interface Exchange {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly tls: TlsMaterial;
  readonly connectTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** No answer came. `sent` tells what may be concluded: false, the server certainly did not see the request. */
export class ExchangeError extends Error {
  override readonly name = "ExchangeError";
  readonly sent: boolean;
  /** The certificate was not accepted. */
  readonly untrusted: boolean;

  constructor(
    message: string,
    sent: boolean,
    options: { readonly cause?: unknown; readonly untrusted?: boolean } = {},
  ) {
    super(message, { cause: options.cause });
    this.sent = sent;
    this.untrusted = options.untrusted ?? false;
  }
}

/**
 * One request on one connection; resolves with the head of the answer, the body still unread.
 *
 * Node's own http and https, not fetch: fetch cannot be given an authority without a second copy of undici, and it does
 * not tell whether a connection was ever established, which is what separates "had no effect" from "unknown". Each
 * request opens a connection of its own: on one that is kept alive, a write that crosses the server's closing of it
 * cannot be told from one that was lost half-way.
 *
 * @throws {ExchangeError}
 */
export function exchange(options: Exchange): Promise<IncomingMessage> {
  const { url, signal } = options;
  const secure = url.protocol === "https:";
  const settings: RequestOptions = {
    method: options.method,
    headers: options.headers,
    agent: false,
    signal,
    ...(secure ? options.tls : {}),
  };
  return new Promise((resolve, reject) => {
    let sent = false;
    let connectTimer: NodeJS.Timeout | undefined;
    const request = start(url, settings, secure);
    const connected = () => {
      // From here on bytes may leave. With TLS that is after the server's certificate was accepted, and not before.
      sent = true;
      clearTimeout(connectTimer);
    };
    request.once("socket", (socket) => {
      socket.once(secure ? "secureConnect" : "connect", connected);
      connectTimer = setTimeout(
        () => request.destroy(new Error(`no connection within ${Math.round(options.connectTimeoutMs)} ms`)),
        options.connectTimeoutMs,
      );
    });
    request.once("response", resolve);
    // Stays: after the answer began, the same error arrives at its reader through the message.
    request.on("error", (error) => {
      clearTimeout(connectTimer);
      reject(describe(error, sent, signal));
    });
    request.end(options.body);
  });
}

/** @throws {ExchangeError} not sent: certificates or a key that OpenSSL cannot use are found here. */
function start(url: URL, settings: RequestOptions, secure: boolean) {
  try {
    return secure ? tlsRequest(url, settings) : plainRequest(url, settings);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ExchangeError(`the request cannot be made: ${why}`, false, { cause: error });
  }
}

/** Words for an error of Node's, for a message to people. */
export function describe(error: unknown, sent: boolean, signal: AbortSignal): ExchangeError {
  if (error instanceof ExchangeError) return error;
  if (signal.aborted) {
    const { reason } = signal;
    return new ExchangeError(reason instanceof Error ? reason.message : "aborted", sent, { cause: reason });
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  const message = error instanceof Error && error.message !== "" ? error.message : "the connection failed";
  const untrusted = code !== undefined && /^(CERT_|ERR_TLS_CERT|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)/.test(code);
  return new ExchangeError(
    untrusted ? `its certificate is not accepted: ${message}` : `${message}${tag(code, message)}`,
    sent,
    {
      cause: error,
      untrusted,
    },
  );
}

function tag(code: string | undefined, message: string): string {
  return code === undefined || message.includes(code) ? "" : ` (${code})`;
}
