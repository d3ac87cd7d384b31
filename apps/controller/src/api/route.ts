import * as z from "zod";
import type { Caller, Role } from "../auth/tokens.js";

/** What a handler gets: parsed input, who asks, and a signal that ends with the request or its limit. */
export interface Asked<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly caller: Caller;
  readonly signal: AbortSignal;
}

/** One operation of the API: the source of validation and of its page in the reference. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT";
  /** As OpenAPI writes it: `/v1/services/{service}`. */
  readonly path: string;
  readonly id: string;
  readonly role: Role;
  readonly summary: string;
  /** What the caller should know beyond the summary. */
  readonly description?: string;
  readonly params: z.ZodType;
  readonly query: z.ZodType;
  readonly body: z.ZodType | null;
  readonly status: number;
  readonly answer: z.ZodType;
  readonly handle: (asked: Asked<unknown, unknown, unknown>) => Promise<unknown>;
}

const NOTHING = z.strictObject({});

interface RouteInput<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>
  extends Pick<Route, "method" | "path" | "id" | "role" | "summary" | "description" | "answer"> {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly status?: number;
  readonly handle: (asked: Asked<z.output<P>, z.output<Q>, z.output<B>>) => Promise<unknown>;
}

export function route<
  P extends z.ZodType = typeof NOTHING,
  Q extends z.ZodType = typeof NOTHING,
  B extends z.ZodType = typeof NOTHING,
>({ params, query, body, status = 200, handle, ...rest }: RouteInput<P, Q, B>): Route {
  return {
    ...{ ...rest, status, params: params ?? NOTHING, query: query ?? NOTHING, body: body ?? null },
    handle: (asked) => handle(asked as Asked<z.output<P>, z.output<Q>, z.output<B>>),
  };
}
