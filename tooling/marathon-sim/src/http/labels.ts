import { Problem } from "../core/problem.js";

type Labels = Readonly<Record<string, string>>;

/** A label selector as in `GET /v2/apps?label=`: comma separated, all must hold. @throws Problem 400 on nonsense. */
export function labelSelector(source: string): (labels: Labels) => boolean {
  const parts = source.match(/[^,(]+(\([^)]*\))?/g) ?? [];
  const tests = parts.map((part) => onePart(part.trim()));
  return (labels) => tests.every((test) => test(labels));
}

function onePart(part: string): (labels: Labels) => boolean {
  const unescaped = (word: string) => word.trim().replace(/\\(.)/g, "$1");
  const set = /^(.+?)\s+(in|notin)\s*\(([^)]*)\)$/.exec(part);
  if (set !== null) {
    const [, key = "", operator, list = ""] = set;
    const values = new Set(list.split(",").map(unescaped));
    return (labels) => {
      const value = labels[unescaped(key)];
      return value !== undefined && values.has(value) === (operator === "in");
    };
  }
  const equal = /^(.+?)\s*(==|!=)\s*(.+)$/.exec(part);
  if (equal !== null) {
    const [, key = "", operator, value = ""] = equal;
    return (labels) => (labels[unescaped(key)] === unescaped(value)) === (operator === "==");
  }
  if (part === "") throw new Problem(400, { message: "Could not parse label selector" });
  return (labels) => unescaped(part) in labels;
}
