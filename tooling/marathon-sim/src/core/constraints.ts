/** An agent as constraints see it. */
export interface ConstrainedAgent {
  readonly hostname: string;
  readonly region: string;
  readonly zone: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export type ConstraintList = readonly (readonly string[])[];

const NEEDS_VALUE = new Set(["LIKE", "UNLIKE", "MAX_PER", "IS"]);
const OPERATORS = new Set(["UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS"]);

/** What the server refuses with 422 (facts 7). Lower-case operators pass here, and fail in conversion with 500. */
export function constraintProblems(constraints: ConstraintList): { index: number; error: string }[] {
  return constraints.flatMap((constraint, index) => {
    const error = problemOf(constraint);
    return error === undefined ? [] : [{ index, error }];
  });
}

function problemOf([, given = "", value]: readonly string[]): string | undefined {
  const operator = given.toUpperCase();
  if (!OPERATORS.has(operator)) return `'${given}' is not a valid constraint operator`;
  if (operator === "UNIQUE" && value !== undefined && value !== "") return "Value specified but not used";
  if (NEEDS_VALUE.has(operator) && value === undefined) return "A value must be specified";
  if (operator === "GROUP_BY" && value !== undefined && !/^\d+$/.test(value))
    return "Value was specified but is not a number";
  if (operator === "MAX_PER" && !/^\d+$/.test(value ?? "")) return "Value was not specified as a number";
  if (operator === "IS" && !/^[a-zA-Z0-9_/.-]*$/.test(value ?? "")) return "must match ^[a-zA-Z0-9_/.-]*$";
  if ((operator === "LIKE" || operator === "UNLIKE") && regex(value ?? "") === undefined)
    return `'${value}' is not a valid regular expression`;
  return undefined;
}

/** An operator that validation let through and conversion does not know: the server answers 500 (facts 7). */
export function hasLowerCaseOperator(constraints: ConstraintList): boolean {
  return constraints.some(([, operator = ""]) => operator !== operator.toUpperCase());
}

/** Whether an instance may run on that agent beside those that are placed already. */
export function satisfies(
  agent: ConstrainedAgent,
  constraints: ConstraintList,
  placed: readonly ConstrainedAgent[],
): boolean {
  return constraints.every(([field = "", operator = "", value]) => {
    const own = fieldValue(agent, field);
    // Facts 7: an agent without the attribute matches only UNLIKE.
    if (own === undefined) return operator === "UNLIKE";
    const same = placed.filter((other) => fieldValue(other, field) === own).length;
    switch (operator) {
      case "UNIQUE":
        return same === 0;
      case "CLUSTER":
        return value !== undefined && value !== "" ? own === value : same === placed.length;
      case "GROUP_BY":
        return same <= smallestGroup(placed, field, Number(value ?? 1));
      case "LIKE":
        return regex(value ?? "")?.test(own) === true;
      case "UNLIKE":
        return regex(value ?? "")?.test(own) === false;
      case "MAX_PER":
        return same < Number(value);
      case "IS":
        return own === value;
      default:
        return false;
    }
  });
}

/** Instances in the smallest group seen; groups that were expected and not seen yet count as empty. */
function smallestGroup(placed: readonly ConstrainedAgent[], field: string, groups: number): number {
  const counts = new Map<string, number>();
  for (const agent of placed) {
    const group = fieldValue(agent, field) ?? "";
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  return counts.size < groups || counts.size === 0 ? 0 : Math.min(...counts.values());
}

function fieldValue(agent: ConstrainedAgent, field: string): string | undefined {
  if (field === "hostname" || field === "@hostname") return agent.hostname;
  if (field === "@region") return agent.region;
  if (field === "@zone") return agent.zone;
  const value = agent.attributes[field];
  // Facts 7: scalars compare as text rounded to three decimals.
  return value !== undefined && /^-?\d+\.\d{4,}$/.test(value)
    ? String(Math.round(Number(value) * 1_000) / 1_000)
    : value;
}

/** Marathon matches the whole string. Undefined = no regular expression. */
function regex(source: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${source})$`);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
