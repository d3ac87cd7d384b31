/** Removes members that are null, at every depth, in place: in Marathon's answers null means absent. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) {
    for (const item of value) withoutNulls(item);
  } else if (typeof value === "object" && value !== null) {
    const members = value as Record<string, unknown>;
    for (const key of Object.keys(members)) {
      if (members[key] === null) delete members[key];
      else withoutNulls(members[key]);
    }
  }
  return value;
}
