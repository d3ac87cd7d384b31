import { canonicalJson, type Definition, type DefinitionDiff } from "@holdfast/core";

const SHOWN_LENGTH_MAX = 200;

/** Pure. Any change of a definition is another version, for which the present run is ended; see `definitionVersion`. */
export function diffDefinition(present: Definition | null, next: Definition): DefinitionDiff {
  if (present === null) return { effect: "create", why: "there is no such service yet", changes: [] };
  const fields = [...new Set([...Object.keys(present), ...Object.keys(next)])].sort();
  const changes = fields
    .filter((field) => text(present[field]) !== text(next[field]))
    .map((field) => ({
      pointer: `/${field.replaceAll("~", "~0").replaceAll("/", "~1")}`,
      before: shown(field, present[field]),
      after: shown(field, next[field]),
    }));
  if (changes.length === 0) return { effect: "none", why: "the definitions are equal", changes };
  return { effect: "restart", why: `changed: ${changes.map(({ pointer }) => pointer).join(", ")}`, changes };
}

function text(value: unknown): string | undefined {
  return value === undefined ? undefined : canonicalJson(value);
}

/** Values of the environment are not shown: an engine may have been given a secret there. */
function shown(field: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (field === "env") return "(not shown)";
  const whole = canonicalJson(value);
  return whole.length > SHOWN_LENGTH_MAX ? `${whole.slice(0, SHOWN_LENGTH_MAX)}…` : whole;
}
