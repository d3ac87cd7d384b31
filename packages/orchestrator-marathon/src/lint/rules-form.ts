import { appSchema, OTHER_FIELDS, READ_ONLY_FIELDS } from "../definition.js";
import { pointerPart } from "../pointer.js";
import { type AppView, type Found, found } from "./view.js";

const ID_SEGMENT = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const RESERVED = ["restart", "tasks", "versions"];
const DEPRECATED = ["ipAddress", "ports", "uris", "storeUrls"];

/** Names, and fields that the contract does not know or no longer wants. */
export function formRules({ app, written }: AppView): readonly Found[] {
  const problems: Found[] = [];
  if (app.id === undefined) {
    if (!("id" in written)) problems.push(found("MARATHON_BAD_ID", "/id", "There is no id"));
  } else if (!isGoodId(app.id)) {
    problems.push(found("MARATHON_BAD_ID", "/id"));
  }
  for (const field of Object.keys(written)) {
    if (field in appSchema.shape || OTHER_FIELDS.has(field) || READ_ONLY_FIELDS.has(field)) continue;
    problems.push(found("MARATHON_UNKNOWN_FIELD", `/${pointerPart(field)}`));
  }
  for (const field of DEPRECATED) {
    const value = written[field];
    const empty = value === undefined || value === null || (Array.isArray(value) && value.length === 0);
    if (!empty) problems.push(found("MARATHON_DEPRECATED_FIELD", `/${field}`));
  }
  for (const field of ["network", "portMappings"] as const) {
    if (app.container?.docker?.[field] !== undefined) {
      problems.push(found("MARATHON_DEPRECATED_FIELD", `/container/docker/${field}`));
    }
  }
  return problems;
}

function isGoodId(id: string): boolean {
  const segments = id.replace(/^\//, "").split("/");
  return segments.every((segment) => ID_SEGMENT.test(segment)) && !RESERVED.includes(segments.at(-1) ?? "");
}
