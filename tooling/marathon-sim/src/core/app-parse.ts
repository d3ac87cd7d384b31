import type { z } from "zod";
import { appSchema, type RequestedApp } from "./app-schema.js";
import { withoutDeprecated } from "./deprecated.js";
import { Problem, type ProblemDetail } from "./problem.js";

const partialSchema = appSchema.partial();

/** `/db/main` for `db/main`, `/db/main/` and `//db/main`. */
export function absoluteId(id: string): string {
  return `/${id.split("/").filter(Boolean).join("/")}`;
}

/** @throws Problem 422 "Invalid JSON" with a path per member of the wrong JSON type (facts 11). */
export function parseApp(body: unknown): RequestedApp {
  const parsed = appSchema.safeParse(withoutDeprecated(withoutNulls(body)));
  if (!parsed.success) throw wrongTypes(parsed.error);
  return { ...parsed.data, id: absoluteId(parsed.data.id) };
}

/**
 * A partial update: fields that are given replace whole fields; nothing can be unset, null means absent; and
 * `resourceLimits` and `executorResources` are lost whatever was given (facts 11).
 */
export function parseUpdate(body: unknown, current: RequestedApp): RequestedApp {
  const given = withoutDeprecated(withoutNulls(body));
  const parsed = partialSchema.safeParse(given);
  if (!parsed.success) throw wrongTypes(parsed.error);
  const named = new Set(typeof given === "object" && given !== null ? Object.keys(given) : []);
  // A partial schema still fills in defaults, which must not replace what is there.
  const replaced = Object.fromEntries(Object.entries(parsed.data).filter(([key]) => named.has(key)));
  const { resourceLimits: _, executorResources: __, ...kept } = { ...current, ...replaced };
  return { ...kept, id: current.id };
}

/** Explicit nulls are accepted in optional fields and mean "absent". */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([key, member]) => [key, withoutNulls(member)]),
  );
}

function wrongTypes(error: z.ZodError): Problem {
  const mistyped = new Set(
    error.issues.filter(({ code }) => code === "invalid_type").map(({ path }) => marathonPath(path)),
  );
  const telling = error.issues.filter(({ code, path }) => code === "invalid_type" || !mistyped.has(marathonPath(path)));
  const details = telling.map((issue): ProblemDetail => ({ path: marathonPath(issue.path), errors: [say(issue)] }));
  return new Problem(422, { message: "Invalid JSON", details });
}

/** `/healthChecks(0)/portIndex`. */
function marathonPath(path: readonly PropertyKey[]): string {
  return path.map((part) => (typeof part === "number" ? `(${part})` : `/${String(part)}`)).join("") || "/";
}

function say(issue: z.core.$ZodIssue): string {
  if (issue.code !== "invalid_type") return issue.message;
  if (issue.input === undefined && issue.message.includes("undefined")) return "error.path.missing";
  const names: Record<string, string> = { int: "jsnumber", record: "jsobject", array: "jsarray", object: "jsobject" };
  return `error.expected.${names[issue.expected] ?? `js${issue.expected}`}`;
}
