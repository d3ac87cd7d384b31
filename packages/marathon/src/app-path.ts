import { firstIssues, HoldfastError } from "@holdfast/core";
import { appDefinitionSchema, appIdSchema, appPatchSchema } from "./definition/app.js";

/**
 * `/v2/apps/db/orders`, with what follows.
 * @throws `INVALID_SPEC`: the id could not be an app's, or would mean something else in a URL.
 */
export function appPath(id: string, ...rest: readonly string[]): string {
  const result = appIdSchema.safeParse(id);
  if (!result.success) {
    throw new HoldfastError("INVALID_SPEC", `${JSON.stringify(id)} is no app id.`, { hint: firstIssues(result.error) });
  }
  return ["/v2/apps", id.slice(1), ...rest.map(encodeURIComponent)].join("/");
}

/**
 * The definition as it is sent.
 * @throws `INVALID_SPEC`: nothing was sent. Marathon itself would have ignored what it does not know.
 */
export function checked(kind: "definition" | "patch", value: unknown): unknown {
  const schema = kind === "definition" ? appDefinitionSchema : appPatchSchema;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new HoldfastError("INVALID_SPEC", `The app ${kind} is not one: ${firstIssues(result.error)}.`, {
    hint: "Nothing was sent. Correct the fields named; deprecated ones have a successor in Marathon's documentation.",
  });
}
