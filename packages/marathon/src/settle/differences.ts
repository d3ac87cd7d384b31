import type { AppDefinition, AppPatch } from "../definition/app.js";
import type { App } from "../schemas.js";

/**
 * Defaults that Marathon fills in for what a definition leaves out (types/app.raml). A field that is not here and may be
 * left out is either absent then, or filled in depending on others; the latter are in {@link DEPENDENT}.
 */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  backoffFactor: 1.15,
  backoffSeconds: 1,
  cpus: 1,
  disk: 0,
  executor: "",
  gpus: 0,
  instances: 1,
  killSelection: "YOUNGEST_FIRST",
  maxLaunchDelaySeconds: 300,
  mem: 128,
  requirePorts: false,
};

/** Not part of a definition, or filled in by rules that only the server knows: no evidence when a definition is silent. */
const DEPENDENT: ReadonlySet<string> = new Set([
  ...["id", "version", "versionInfo", "residency", "role", "networks", "portDefinitions", "upgradeStrategy"],
  ...["unreachableStrategy", "acceptedResourceRoles", "ports", "uris", "ipAddress", "deployments", "tasks"],
  ...["tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy", "tasksStats", "taskStats", "lastTaskFailure"],
  ...["readinessCheckResults", "executorResources"],
]);

/**
 * Where the app as it was read back is not what was asked for: paths like `labels.team`; none when it is. Pure.
 *
 * Marathon fills in defaults, assigns service ports where 0 was asked for, and normalises: an empty list or object is the
 * same as none, and members that we did not name inside a container, a check or a port are its own. Maps of ours (`env`,
 * `labels`, `secrets`) must be equal, so that one that lost a key is not taken for the wanted one.
 *
 * @param scope - `whole`: what `wanted` leaves out must be at its default too; `named`: only what it names counts.
 */
export function differences(wanted: AppDefinition | AppPatch, app: App, scope: "whole" | "named"): readonly string[] {
  const found = Object.entries(wanted).flatMap(([name, value]) =>
    name === "id" ? [] : compare(name, value, app[name], MAPS.has(name)),
  );
  if (scope === "named") return found;
  const silent = Object.keys(app).filter(
    (name) => !DEPENDENT.has(name) && (wanted as Record<string, unknown>)[name] === undefined,
  );
  return [...found, ...silent.filter((name) => !isEmpty(app[name]) && app[name] !== DEFAULTS[name])];
}

const MAPS: ReadonlySet<string> = new Set(["env", "labels", "secrets"]);
const ASSIGNED_PORT = /(?:^|\.)(?:port|servicePort|hostPort|containerPort)$/;

function compare(path: string, wanted: unknown, actual: unknown, exact: boolean): string[] {
  if (wanted === undefined || wanted === null) return [];
  if (isEmpty(wanted) && isEmpty(actual)) return [];
  if (wanted === 0 && typeof actual === "number" && ASSIGNED_PORT.test(path)) return [];
  if (Array.isArray(wanted)) {
    if (!Array.isArray(actual) || wanted.length !== actual.length) return [path];
    return wanted.flatMap((item, index) => compare(`${path}.${index}`, item, actual[index], exact));
  }
  if (typeof wanted === "object") {
    if (typeof actual !== "object" || actual === null || Array.isArray(actual)) return [path];
    const theirs = actual as Record<string, unknown>;
    const extra = exact ? Object.keys(theirs).filter((name) => !(name in wanted)) : [];
    return [
      ...Object.entries(wanted).flatMap(([name, value]) => compare(`${path}.${name}`, value, theirs[name], exact)),
      ...extra.map((name) => `${path}.${name}`),
    ];
  }
  return wanted === actual ? [] : [path];
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && Object.keys(value).length === 0;
}
