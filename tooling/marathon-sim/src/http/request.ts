import { absoluteId } from "../core/app-parse.js";
import { Problem } from "../core/problem.js";

/** A request as handlers see it. */
export interface ApiRequest {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  /** As sent. */
  readonly uri: string;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly accept: string;
  readonly clientIp: string;
}

/** @throws Problem 400 when a flag is neither true nor false. */
export function flag(query: URLSearchParams, name: string, standard: boolean): boolean {
  const value = query.get(name);
  if (value === null || value === "") return standard;
  if (value === "true" || value === "false") return value === "true";
  throw new Problem(400, { message: `Invalid value '${value}' for query parameter ${name}` });
}

/** @throws Problem 400, with `details` as a string (facts 11). */
export function jsonBody({ body }: ApiRequest): unknown {
  if (body.trim() === "")
    throw new Problem(400, {
      message: "Please specify data in JSON format",
      details: "No content to map due to end-of-input",
    });
  try {
    return JSON.parse(body);
  } catch (error) {
    const details = error instanceof Error ? error.message : String(error);
    throw new Problem(400, { message: "Invalid JSON", details });
  }
}

export type AppTarget =
  | { readonly kind: "app" | "restart" | "tasks" | "versions"; readonly id: string }
  | { readonly kind: "task"; readonly id: string; readonly taskId: string }
  | { readonly kind: "version"; readonly id: string; readonly version: string };

/** What `/v2/apps/…` names: ids have slashes of their own, so the last segments decide (facts 10). */
export function appTarget(rest: string): AppTarget {
  const segments = rest.split("/").filter(Boolean);
  const [beforeLast, last = ""] = segments.slice(-2).length === 2 ? segments.slice(-2) : [undefined, segments[0]];
  const without = (count: number) => absoluteId(segments.slice(0, -count).join("/"));
  if (segments.length > 1 && (last === "restart" || last === "tasks" || last === "versions"))
    return { kind: last, id: without(1) };
  if (segments.length > 2 && beforeLast === "tasks") return { kind: "task", id: without(2), taskId: last };
  if (segments.length > 2 && beforeLast === "versions") return { kind: "version", id: without(2), version: last };
  return { kind: "app", id: absoluteId(rest) };
}
