import type { LintFinding } from "@holdfast/core";
import { localDefinitionSchema } from "./definition.js";

/** Pure. Also for definitions that were written by hand. */
export function lintDefinition(definition: unknown): readonly LintFinding[] {
  const parsed = localDefinitionSchema.safeParse(definition);
  if (!parsed.success) {
    return parsed.error.issues.map((issue) => ({
      code: "LOCAL_INVALID",
      severity: "error",
      pointer: `/${issue.path.map(String).join("/")}`,
      why: issue.message,
      fix: "See the schema of local definitions.",
    }));
  }
  const { argv, killGraceMs } = parsed.data;
  const wrapper = wrapperArguments(argv);
  if (wrapper === undefined) {
    return [
      {
        code: "LOCAL_NO_WRAPPER",
        severity: "error",
        pointer: "/argv",
        why: "The command is not started by `holdfast run`: after a lost contact two copies could write at once.",
        fix: "Begin the command with `holdfast run --service … --store … --wait --`.",
      },
    ];
  }
  const findings: LintFinding[] = [];
  if (!wrapper.some((argument) => argument === "--wait" || argument.startsWith("--wait="))) {
    findings.push({
      code: "LOCAL_NO_WAIT",
      severity: "error",
      pointer: "/argv",
      why: "A replacement is started while its predecessor may still hold the lease; without --wait it ends at once.",
      fix: "Add --wait before the --.",
    });
  }
  const fromFile = wrapper.some((argument) => argument === "-f" || argument === "--file");
  if (!fromFile && !wrapper.includes("--volume")) {
    findings.push({
      code: "LOCAL_NO_VOLUME",
      severity: "warning",
      pointer: "/argv",
      why: "Only the process is guarded: a wrong, missing or foreign volume would not be noticed.",
      fix: "Give a service file with -f, or mark the volume with `holdfast volume init` and add --volume.",
    });
  }
  if (!wrapper.includes("--status-socket")) {
    findings.push({
      code: "LOCAL_NO_STATUS",
      severity: "warning",
      pointer: "/argv",
      why: "A wrapper that was stopped would count as running for ever.",
      fix: "Add --status-socket {{sandbox}}/status.sock.",
    });
  }
  // What a service file says is not known here.
  if (fromFile && !wrapper.includes("--stop-budget-ms")) return findings;
  const needMs = numberAfter(wrapper, "--stop-budget-ms", 10_000) + numberAfter(wrapper, "--margin-ms", 4_500);
  if (killGraceMs < needMs) {
    findings.push({
      code: "LOCAL_GRACE_TOO_SHORT",
      severity: "warning",
      pointer: "/killGraceMs",
      why: `A clean stop may take ${needMs} ms; killed before, the run cannot release and its successor waits a whole lease.`,
      fix: `Use at least ${needMs}.`,
    });
  }
  return findings;
}

/** What stands between `run` and `--`, or the end where the command comes from a service file; undefined when that is not how the command looks. */
function wrapperArguments(argv: readonly string[]): readonly string[] | undefined {
  const end = argv.indexOf("--");
  const begin = argv.indexOf("run");
  if (begin < 1) return undefined;
  if (end > begin) return argv.slice(begin + 1, end);
  const flags = argv.slice(begin + 1);
  return end < 0 && flags.some((flag) => flag === "-f" || flag === "--file") ? flags : undefined;
}

function numberAfter(argv: readonly string[], flag: string, otherwise: number): number {
  const value = Number(argv[argv.indexOf(flag) + 1]);
  return argv.includes(flag) && Number.isFinite(value) ? value : otherwise;
}
