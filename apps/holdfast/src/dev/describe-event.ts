import type { OrchestratorEvent } from "@holdfast/core";

/** One line for people; undefined for what is not worth one. */
export function describeEvent({ kind, detail }: OrchestratorEvent): string | undefined {
  switch (kind) {
    case "agent":
      return `${String(detail.agent)} ${detail.reachable === true ? "reports" : "cannot be reached"}`;
    case "deployment":
      if (detail.kill !== undefined) return `ending the run on ${String(detail.agent)}: ${String(detail.why)}`;
      return detail.waitsFor === undefined ? undefined : `waiting: ${String(detail.waitsFor)}`;
    case "task":
      return describeTask(detail);
    case "resync":
      return undefined;
    default:
      return kind satisfies never;
  }
}

function describeTask(detail: OrchestratorEvent["detail"]): string | undefined {
  const agent = String(detail.agent);
  switch (detail.state) {
    case "staging":
      return `starting a run on ${agent}: ${String(detail.why)}`;
    case "ended":
      return `the run on ${agent} ended with ${String(detail.exitCode ?? detail.signal)}`;
    case "lost":
      return `the run on ${agent} is gone with its machine`;
    default:
      return undefined;
  }
}
