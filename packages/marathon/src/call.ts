import { firstIssues } from "@holdfast/core";
import type { HttpAnswer, HttpCall, HttpClient } from "@holdfast/effects";
import type * as z from "zod";
import { type Asked, errorOf, unreadable } from "./errors.js";
import { withoutNulls } from "./nulls.js";

/** What every call takes. */
export interface CallOptions {
  /**
   * Milliseconds for the whole call, over all instances of Marathon. Default 15 000: a standby gives the leader up after
   * 10 s, and its answer should still arrive.
   */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Request extends Asked {
  readonly method: HttpCall["method"];
  readonly path: string;
  readonly query?: ReadonlyArray<readonly [string, string]>;
  readonly body?: unknown;
}

/** Makes a call and reads its answer; all errors of the API come from here. */
export type Send = <S extends z.ZodType>(request: Request, schema: S, options?: CallOptions) => Promise<z.output<S>>;

/** Like {@link Send} for answers whose status or absent body matters. */
export type SendRaw = (request: Request, options?: CallOptions) => Promise<HttpAnswer>;

export function createSender(http: HttpClient, timeoutMs: number): { send: Send; sendRaw: SendRaw } {
  const sendRaw: SendRaw = async (request, options = {}) => {
    const { method, path, query, body, effect } = request;
    const answer = await http.call({
      method,
      path,
      effect,
      timeoutMs: options.timeoutMs ?? timeoutMs,
      signal: options.signal,
      ...(query === undefined ? {} : { query }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (answer.status < 200 || answer.status > 299) throw errorOf(answer, request);
    return answer;
  };
  const send: Send = async (request, schema, options) => parse(await sendRaw(request, options), request, schema);
  return { send, sendRaw };
}

export function parse<S extends z.ZodType>(answer: HttpAnswer, asked: Asked, schema: S): z.output<S> {
  let json: unknown;
  try {
    json = JSON.parse(answer.text);
  } catch {
    throw unreadable(answer, asked, "it is not JSON");
  }
  const result = schema.safeParse(withoutNulls(json));
  if (result.success) return result.data;
  throw unreadable(answer, asked, firstIssues(result.error));
}
