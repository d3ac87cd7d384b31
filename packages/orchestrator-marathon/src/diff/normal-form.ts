import { READ_ONLY_FIELDS } from "../definition.js";

type Fields = Readonly<Record<string, unknown>>;

/** What Marathon fills in when a field is absent (`app.raml`, healthCheck.raml, artifact.raml). */
const DEFAULTS: Fields = {
  acceptedResourceRoles: null,
  args: null,
  backoffFactor: 1.15,
  backoffSeconds: 1,
  cmd: null,
  constraints: [],
  container: null,
  cpus: 1,
  dependencies: [],
  disk: 0,
  env: {},
  executor: "",
  fetch: [],
  gpus: 0,
  healthChecks: [],
  instances: 1,
  killSelection: "YOUNGEST_FIRST",
  labels: {},
  maxLaunchDelaySeconds: 300,
  mem: 128,
  networks: [{ mode: "host" }],
  readinessChecks: [],
  requirePorts: false,
  role: null,
  secrets: {},
  taskKillGracePeriodSeconds: null,
  tty: null,
  user: null,
};
const CHECK_DEFAULTS: Fields = {
  gracePeriodSeconds: 300,
  intervalSeconds: 60,
  timeoutSeconds: 20,
  maxConsecutiveFailures: 3,
  delaySeconds: 15,
  ignoreHttp1xx: false,
  ipProtocol: "IPv4",
};
const PERSISTENT_DEFAULTS: Fields = { type: "root", constraints: [] };
const DOCKER_DEFAULTS: Fields = { forcePullImage: false, parameters: [], privileged: false };
/** What an app in host networking gets that says nothing of ports (AppNormalization.scala). */
const DEFAULT_PORTS = [{ port: 0, name: "default" }];
const FETCH_DEFAULTS: Fields = { extract: true, executable: false, cache: false };

/** Service ports that Marathon assigns in place of 0 (`--local_port_min`, `--local_port_max`). */
const ASSIGNED_PORTS = { begin: 10_000, end: 20_000 };

/**
 * Pure: a definition as Marathon would give it back, without what it only reports, so that what was sent and what is read
 * compare equal. Fields with a default that was left out get it; `null` counts as left out.
 */
export function normalForm(definition: Fields): Fields {
  const given = Object.entries(definition).filter(
    ([field, value]) => value !== null && value !== undefined && !READ_ONLY_FIELDS.has(field),
  );
  const fields: Record<string, unknown> = { ...DEFAULTS, ...Object.fromEntries(given) };
  const resident = isResident(fields);
  // Read back from resident apps whatever was sent, and without any effect.
  delete fields.residency;
  if (typeof fields.id === "string" && !fields.id.startsWith("/")) fields.id = `/${fields.id}`;
  fields.unreachableStrategy = strategyWithDefaults(fields.unreachableStrategy, resident);
  fields.upgradeStrategy ??= isStateful(fields)
    ? { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 }
    : { minimumHealthCapacity: 1, maximumOverCapacity: 1 };
  fields.healthChecks = listWithDefaults(fields.healthChecks, CHECK_DEFAULTS);
  fields.fetch = listWithDefaults(fields.fetch, FETCH_DEFAULTS);
  fields.container = containerWithDefaults(fields.container);
  fields.constraints = withoutEmptyValues(fields.constraints);
  const ports = fields.portDefinitions ?? (isHostMode(fields.networks) ? DEFAULT_PORTS : undefined);
  fields.portDefinitions = portsWithoutAssigned(ports, fields.requirePorts === true);
  return fields;
}

function strategyWithDefaults(strategy: unknown, resident: boolean): unknown {
  if (strategy === undefined) return resident ? "disabled" : { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 };
  return isObject(strategy) ? { inactiveAfterSeconds: 0, expungeAfterSeconds: 0, ...strategy } : strategy;
}

function listWithDefaults(list: unknown, defaults: Fields): unknown {
  return Array.isArray(list) ? list.map((item) => (isObject(item) ? { ...defaults, ...item } : item)) : list;
}

function containerWithDefaults(container: unknown): unknown {
  if (!isObject(container)) return container;
  const { docker, volumes = [], ...rest } = container;
  return {
    type: "DOCKER",
    ...rest,
    ...(isObject(docker) ? { docker: { ...DOCKER_DEFAULTS, ...docker } } : {}),
    volumes: Array.isArray(volumes) ? volumes.map(volumeWithDefaults) : volumes,
  };
}

function volumeWithDefaults(volume: unknown): unknown {
  if (!isObject(volume) || !isObject(volume.persistent)) return volume;
  return { ...volume, persistent: { ...PERSISTENT_DEFAULTS, ...volume.persistent } };
}

/** Older versions give `["hostname", "UNIQUE", ""]` back. */
function withoutEmptyValues(constraints: unknown): unknown {
  if (!Array.isArray(constraints)) return constraints;
  return constraints.map((constraint: unknown) =>
    Array.isArray(constraint) && constraint[2] === "" ? constraint.slice(0, 2) : constraint,
  );
}

function isHostMode(networks: unknown): boolean {
  const first: unknown = Array.isArray(networks) ? networks[0] : undefined;
  return isObject(first) && first.mode === "host";
}

/** With `requirePorts` the number is the operator's own; else one that Marathon picked is the same as 0. */
function portsWithoutAssigned(ports: unknown, required: boolean): unknown {
  if (ports === undefined) return null;
  if (!Array.isArray(ports)) return ports;
  return ports.map((port) => {
    if (!isObject(port)) return port;
    const { port: number = 0, ...rest } = port;
    const assigned =
      !required && typeof number === "number" && number >= ASSIGNED_PORTS.begin && number <= ASSIGNED_PORTS.end;
    return { protocol: "tcp", labels: {}, ...rest, port: assigned ? 0 : number };
  });
}

export function isResident(fields: Fields): boolean {
  return volumesOf(fields).some((volume) => isObject(volume) && isObject(volume.persistent));
}

function isStateful(fields: Fields): boolean {
  return isResident(fields) || volumesOf(fields).some((volume) => isObject(volume) && isObject(volume.external));
}

export function volumesOf({ container }: Fields): readonly unknown[] {
  return isObject(container) && Array.isArray(container.volumes) ? container.volumes : [];
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
