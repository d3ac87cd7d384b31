import type * as z from "zod";

/** One thing that is wrong in a service file: the keys that lead to it, what, and what to do. */
export interface FileProblem {
  readonly keys: readonly PropertyKey[];
  /** The last of `keys` is a key that should not be there: its own line counts, not its value's. */
  readonly atKey: boolean;
  readonly message: string;
  readonly fix: string;
}

type Issue = z.core.$ZodIssue;

/** Pure: what a schema says, flattened to one problem per key. */
export function problemsOf(issues: readonly Issue[], prefix: readonly PropertyKey[] = []): FileProblem[] {
  return issues.flatMap((issue) => {
    const keys = [...prefix, ...issue.path];
    switch (issue.code) {
      case "unrecognized_keys":
        return issue.keys.map((key) => ({
          keys: [...keys, key],
          atKey: true,
          message: `there is no key "${key}" here`,
          fix: "Remove it, or correct its spelling; unknown keys are refused so that a slip is not ignored.",
        }));
      case "invalid_union": {
        const branch = likeliest(issue.errors);
        return branch === undefined ? [plain(issue, keys)] : problemsOf(branch, keys);
      }
      default:
        return [plain(issue, keys)];
    }
  });
}

/** What was meant by a value that fits no form: the form whose literals match, and of those the one with least wrong. */
function likeliest(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const cost = (issues: readonly Issue[]) =>
    issues.length + (issues.some((issue) => issue.code === "invalid_value") ? 1_000 : 0);
  return [...branches].sort((a, b) => cost(a) - cost(b))[0];
}

function plain(issue: Issue, keys: readonly PropertyKey[]): FileProblem {
  const missing = issue.code === "invalid_type" && issue.message.endsWith("received undefined");
  const name = String(keys.at(-1) ?? "the file");
  if (missing) {
    return { keys, atKey: false, message: `"${name}" is missing`, fix: `Add ${name}: a ${issue.expected}.` };
  }
  const message = issue.message.replace(/^Invalid (input|string|number|option): /, "");
  // A rule about several numbers says itself which one to change.
  const fix = issue.code === "custom" ? "Change the value that the message names." : `Correct "${name}".`;
  return { keys, atKey: false, message: `"${name}": ${message}`, fix };
}
