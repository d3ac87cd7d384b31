import { type AppView, type Found, found } from "./view.js";

const OPERATORS = ["UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS"];

/** Where it may run, and on which ports. */
export function placementRules(view: AppView): readonly Found[] {
  const constraints = view.app.constraints ?? [];
  return [
    ...constraints.flatMap((constraint, index) => constraintRules(constraint, `/constraints/${index}`)),
    ...portRules(view),
  ];
}

function constraintRules(constraint: readonly string[], pointer: string): readonly Found[] {
  const [field = "", operator = "", given] = constraint;
  // Marathon's own output once had an empty third member.
  const value = given === "" ? undefined : given;
  const formed = constraint.length >= 2 && constraint.length <= 3 && field !== "" && OPERATORS.includes(operator);
  if (!formed || !valueFits(operator, value))
    return [found("MARATHON_CONSTRAINT_REFUSED", pointer, constraint.join(" "))];
  const name = /^@?hostname$/.test(field);
  if (operator === "CLUSTER" && value === undefined) return [found("MARATHON_CLUSTER_PINS_NOTHING", pointer)];
  // A dot that is followed by a quantifier was meant.
  const dotted = /(^|[^\\])\.(?![*+?{])/.test(value ?? "");
  return name && (operator === "LIKE" || operator === "UNLIKE") && dotted
    ? [found("MARATHON_LIKE_DOT", pointer, value)]
    : [];
}

function valueFits(operator: string, value: string | undefined): boolean {
  switch (operator) {
    case "UNIQUE":
      return value === undefined;
    case "LIKE":
    case "UNLIKE":
      return value !== undefined && isRegExp(value);
    case "MAX_PER":
      return /^[0-9]+$/.test(value ?? "");
    case "GROUP_BY":
      return value === undefined || /^[0-9]+$/.test(value);
    case "IS":
      return value !== undefined && /^[a-zA-Z0-9_/.-]*$/.test(value);
    default:
      return true;
  }
}

/** Java's expressions are not JavaScript's, but what is broken in both is broken. */
function isRegExp(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

function portRules({ app }: AppView): readonly Found[] {
  const problems: Found[] = [];
  const mode = app.networks?.[0]?.mode ?? "host";
  if (mode === "host") {
    if (app.container?.portMappings !== undefined && app.networks !== undefined) {
      problems.push(found("MARATHON_PORTS_REFUSED", "/container/portMappings"));
    }
    const fixed = (app.portDefinitions ?? []).findIndex(({ port = 0 }) => port !== 0);
    if (fixed >= 0 && app.requirePorts !== true) {
      problems.push(found("MARATHON_PORT_IS_DYNAMIC", `/portDefinitions/${fixed}/port`));
    }
  } else if ((app.portDefinitions ?? []).length > 0) {
    problems.push(found("MARATHON_PORTS_REFUSED", "/portDefinitions"));
  }
  return problems;
}
