import type { AppHealthCheck } from "../definition.js";
import { type AppView, type Found, found } from "./view.js";

const GRACE_SECONDS_DEFAULT = 300;
const GRACE_SECONDS_MIN = 600;
const LEADER_PROTOCOLS = ["HTTP", "HTTPS", "TCP"];

/** Health, readiness, and how soon a failed start is tried again. */
export function checkRules(view: AppView): readonly Found[] {
  const checks = view.app.healthChecks ?? [];
  const problems = checks.flatMap((check, index) => healthRules(view, check, `/healthChecks/${index}`));
  const byMesos = checks.filter(({ protocol = "HTTP" }) => !LEADER_PROTOCOLS.includes(protocol));
  if (byMesos.length > 1) problems.push(found("MARATHON_SEVERAL_CHECKS", "/healthChecks"));
  if (checks.length === 0) problems.push(found("MARATHON_NO_CHECK", "/healthChecks"));
  return [...problems, ...readinessRules(view), ...backoffRules(view)];
}

function healthRules(view: AppView, check: AppHealthCheck, pointer: string): Found[] {
  const { protocol = "HTTP", maxConsecutiveFailures = 3, gracePeriodSeconds = GRACE_SECONDS_DEFAULT } = check;
  const problems: Found[] = [];
  const command = protocol === "COMMAND";
  const leader = LEADER_PROTOCOLS.includes(protocol);
  if (leader) problems.push(found("MARATHON_LEADER_CHECK", `${pointer}/protocol`, protocol));
  if (command && check.command?.value === undefined) {
    problems.push(found("MARATHON_CHECK_WITHOUT_COMMAND", `${pointer}/command`));
  }
  if (!command) {
    const code = view.wrapper === null ? "MARATHON_PORT_CHECK" : "MARATHON_PORT_CHECK_KILLS_WAITING";
    problems.push(found(code, `${pointer}/protocol`, protocol));
    if (check.port === undefined && (check.portIndex ?? 0) >= portCount(view)) {
      problems.push(found("MARATHON_CHECK_PORT_MISSING", `${pointer}/portIndex`));
    }
  }
  // Leader-run checks with 0 never kill.
  if (maxConsecutiveFailures === 0 && !leader) {
    problems.push(found("MARATHON_CHECK_KILLS_AT_ONCE", `${pointer}/maxConsecutiveFailures`));
  }
  const asksRun = view.wrapper !== null && /\bholdfast\b.*\bhealth\b/.test(check.command?.value ?? "");
  // `holdfast health` is told by the run what a start is doing, and has limits of its own.
  const min = asksRun ? 60 : GRACE_SECONDS_MIN;
  if (gracePeriodSeconds < min && !(leader && maxConsecutiveFailures === 0)) {
    problems.push(found("MARATHON_GRACE_SHORT", `${pointer}/gracePeriodSeconds`, `${gracePeriodSeconds} s`));
  }
  return problems;
}

function portCount({ app }: AppView): number {
  const { portMappings, docker } = app.container ?? {};
  // One that was left out is one that Marathon adds.
  return (portMappings ?? docker?.portMappings ?? app.portDefinitions ?? app.ports ?? [0]).length;
}

function readinessRules({ app }: AppView): readonly Found[] {
  const checks = app.readinessChecks ?? [];
  const names = new Set(
    [app.portDefinitions, app.container?.portMappings, app.container?.docker?.portMappings].flatMap((ports) =>
      (ports ?? []).flatMap(({ name }) => (name === undefined ? [] : [name])),
    ),
  );
  const wrong = checks.some(
    ({ protocol = "HTTP", portName = "http-api", intervalSeconds = 30, timeoutSeconds = 10 }) => {
      return !protocol.startsWith("HTTP") || !names.has(portName) || timeoutSeconds >= intervalSeconds;
    },
  );
  return checks.length > 1 || wrong ? [found("MARATHON_READINESS_REFUSED", "/readinessChecks")] : [];
}

function backoffRules({ app }: AppView): readonly Found[] {
  const { maxLaunchDelaySeconds = 300, backoffSeconds = 1 } = app;
  const problems: Found[] = [];
  if (maxLaunchDelaySeconds > 60) {
    problems.push(found("MARATHON_LAUNCH_DELAY", "/maxLaunchDelaySeconds", `${maxLaunchDelaySeconds} s`));
  }
  if (backoffSeconds === 0) problems.push(found("MARATHON_NO_BACKOFF", "/backoffSeconds"));
  return problems;
}
