import { type HealthCheck, runsOnAgent } from "../core/app-schema.js";
import type { Launch } from "../core/model.js";

/** Where a task stands with the check that its agent makes. */
export interface CheckState {
  readonly failures: number;
  readonly everHealthy: boolean;
}

export type CheckVerdict = "ignore" | "healthy" | "unhealthy" | "kill";

/** The one check of an app that runs on the agent: Mesos takes one per task (facts 9). */
export function agentCheck({ app }: Launch): HealthCheck | undefined {
  return app.healthChecks.find(runsOnAgent);
}

/**
 * What follows from one result. Failures within the grace period do not count until the first success; 0 as
 * `maxConsecutiveFailures` kills at the first failure (facts 9). Pure.
 */
export function afterCheck(
  state: CheckState,
  ok: boolean,
  ageMs: number,
  { gracePeriodSeconds, maxConsecutiveFailures }: HealthCheck,
  secondMs: number,
): { readonly state: CheckState; readonly verdict: CheckVerdict } {
  if (ok) return { state: { failures: 0, everHealthy: true }, verdict: "healthy" };
  if (!state.everHealthy && ageMs < gracePeriodSeconds * secondMs) return { state, verdict: "ignore" };
  const next = { ...state, failures: state.failures + 1 };
  return { state: next, verdict: next.failures >= maxConsecutiveFailures ? "kill" : "unhealthy" };
}

/** A program that connects or asks and says the result with its exit code; it runs on the agent's own network. */
const PROBE = `
const [protocol, port, path, ms] = process.argv.slice(1);
setTimeout(() => process.exit(1), Number(ms)).unref();
if (protocol === "tcp") {
  require("node:net").connect(Number(port), "127.0.0.1", () => process.exit(0)).on("error", () => process.exit(1));
} else {
  const options = { host: "127.0.0.1", port: Number(port), path, rejectUnauthorized: false };
  require("node:" + protocol).get(options, ({ statusCode }) => process.exit(statusCode >= 200 && statusCode < 400 ? 0 : 1))
    .on("error", () => process.exit(1));
}
`;

/** The command that makes the check on the agent. */
export function checkCommand(check: HealthCheck, ports: readonly number[]): readonly [string, ...string[]] {
  if (check.protocol === "COMMAND") return ["/bin/sh", "-c", check.command?.value ?? "false"];
  const protocol = check.protocol.replace("MESOS_", "").toLowerCase();
  const port = check.port ?? ports[check.portIndex ?? 0] ?? 0;
  return [
    ...([process.execPath, "-e", PROBE, protocol] as const),
    ...[String(port), check.path ?? "/", String(check.timeoutSeconds * 1_000)],
  ];
}
