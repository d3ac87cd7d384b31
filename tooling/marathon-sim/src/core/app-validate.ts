import { type App, externalVolumes, isResident, persistentVolumes, type Volume } from "./app-schema.js";
import { constraintProblems } from "./constraints.js";
import type { Flags } from "./flags.js";
import type { ProblemDetail } from "./problem.js";

export type ValidationFlags = Pick<Flags, "features" | "mesosRole" | "principal">;

const ID = /^\/([a-z0-9]([a-z0-9.-]*[a-z0-9])?)(\/[a-z0-9]([a-z0-9.-]*[a-z0-9])?)*$/;
const RESERVED_ENDS = new Set(["restart", "tasks", "versions"]);

type Report = (path: string, error: string) => void;

/** What the server refuses with 422 (facts 2, 4 to 7, 9, 10). Empty = accepted. */
export function validateApp(app: App, flags: ValidationFlags): ProblemDetail[] {
  const found = new Map<string, string[]>();
  const report: Report = (path, error) => found.set(path, [...(found.get(path) ?? []), error]);
  identity(app, report);
  command(app, report);
  strategies(app, report);
  health(app, report);
  ports(app, report);
  for (const volume of app.container?.volumes ?? []) oneVolume(app, volume, flags, report);
  if (isResident(app)) resident(app, flags, report);
  external(app, report);
  for (const { index, error } of constraintProblems(app.constraints)) report(`/constraints(${index})`, error);
  for (const [name, value] of Object.entries(app.env))
    if (typeof value === "object" && !(value.secret in app.secrets))
      report(`/env(${name})`, `references an undefined secret "${value.secret}"`);
  return [...found].map(([path, errors]) => ({ path, errors }));
}

function identity(app: App, report: Report): void {
  if (!ID.test(app.id))
    report(
      "/id",
      "must fully match regular expression '^(([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])\\.)*([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])$'",
    );
  const last = app.id.split("/").at(-1) ?? "";
  if (RESERVED_ENDS.has(last)) report("/id", `${last} is a reserved path segment`);
  if (app.cpus < 0.001) report("/cpus", `got ${app.cpus}, expected 0.001 or more`);
}

function command(app: App, report: Report): void {
  const hasImage = app.container?.docker !== undefined;
  if (app.cmd !== undefined && app.args !== undefined && app.args.length > 0)
    report("/", "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.");
  if (app.cmd === undefined && app.args === undefined && !hasImage)
    report("/", "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.");
  if (app.container?.type === "DOCKER" && !hasImage) report("/container/docker", "not defined");
}

function strategies(app: App, report: Report): void {
  for (const [key, value] of Object.entries(app.upgradeStrategy)) {
    if (value > 1) report(`/upgradeStrategy/${key}`, "is greater than 1");
    if (value < 0) report(`/upgradeStrategy/${key}`, "is less than 0");
  }
  if (app.labels.MARATHON_SINGLE_INSTANCE_APP === "true") {
    if (app.instances > 1) report("/instances", `got ${app.instances}, expected 1 or less`);
    for (const key of ["minimumHealthCapacity", "maximumOverCapacity"] as const)
      if (app.upgradeStrategy[key] !== 0)
        report(`/upgradeStrategy/${key}`, `got ${decimal(app.upgradeStrategy[key])}, expected 0.0`);
  }
  if (app.unreachableStrategy !== "disabled") {
    const { inactiveAfterSeconds, expungeAfterSeconds } = app.unreachableStrategy;
    if (inactiveAfterSeconds > expungeAfterSeconds)
      report(
        "/unreachableStrategy/inactiveAfterSeconds",
        "inactiveAfterSeconds must be less or equal to expungeAfterSeconds",
      );
  }
}

function health(app: App, report: Report): void {
  const portCount = app.portDefinitions?.length ?? app.container?.portMappings?.length ?? 0;
  if (app.healthChecks.filter(({ protocol }) => protocol.startsWith("MESOS_")).length > 1)
    report("/healthChecks", "AppDefinition can contain at most one Mesos health check");
  for (const [index, check] of app.healthChecks.entries()) {
    const path = `/healthChecks(${index})`;
    if (check.protocol === "COMMAND" && check.command === undefined) report(`${path}/command`, "not defined");
    if (check.portIndex !== undefined && check.portIndex >= portCount)
      report(
        `${path}/portIndex`,
        "Health check port indices must address an element of the ports array or container port mappings.",
      );
    if (check.ipProtocol === "IPv6" && !(app.container?.type === "DOCKER" && check.protocol.startsWith("MESOS_")))
      report(`${path}/ipProtocol`, "IPv6 is only supported with the DOCKER container type and MESOS_* protocols");
  }
  if (app.readinessChecks.length > 1) report("/readinessChecks", "may have at most one element");
  const names = new Set(
    [...(app.portDefinitions ?? []), ...(app.container?.portMappings ?? [])].map(({ name }) => name),
  );
  for (const [index, check] of app.readinessChecks.entries()) {
    const path = `/readinessChecks(${index})`;
    if (check.timeoutSeconds >= check.intervalSeconds)
      report(
        `${path}/timeoutSeconds`,
        `(${check.timeoutSeconds}) must be less than intervalSeconds (${check.intervalSeconds})`,
      );
    if (!names.has(check.portName)) report(`${path}/portName`, `is undefined: ${check.portName}`);
  }
  if (app.check !== undefined && app.container?.type === "DOCKER") report("/check", "must be empty");
}

function ports(app: App, report: Report): void {
  const isHost = app.networks.every(({ mode }) => mode === "host");
  if (isHost && (app.container?.portMappings?.length ?? 0) > 0) report("/container/portMappings", "must be empty");
  if (!isHost && (app.portDefinitions?.length ?? 0) > 0) report("/portDefinitions", "must be empty");
  const modes = new Set(app.networks.map(({ mode }) => mode));
  if (modes.size > 1 || (modes.has("host") && app.networks.length > 1))
    report("/networks", "may specify a single network of host or bridge mode, or container networks only");
  for (const [index, network] of app.networks.entries())
    if (network.mode === "container" && network.name === undefined) report(`/networks(${index})/name`, "not defined");
  const names = [...(app.portDefinitions ?? []), ...(app.container?.portMappings ?? [])].flatMap(
    ({ name }) => name ?? [],
  );
  if (new Set(names).size < names.length) report("/portDefinitions", "Port names must be unique.");
}

function oneVolume(app: App, volume: Volume, flags: ValidationFlags, report: Report): void {
  const path = `/container/volumes(${app.container?.volumes.indexOf(volume)})`;
  if ("persistent" in volume) {
    const { size, maxSize, type, constraints, profileName } = volume.persistent;
    const kind = type ?? (profileName === undefined ? "root" : "mount");
    if (volume.mode !== "RW") report(`${path}/mode`, "must be RW");
    if (/\//.test(volume.containerPath) || [".", ".."].includes(volume.containerPath))
      report(`${path}/containerPath`, 'must not contain "/"');
    if (size <= 0) report(`${path}/persistent/size`, `got ${size}, expected more than 0`);
    if (maxSize !== undefined && kind !== "mount")
      report(`${path}/persistent/maxSize`, "Only mount volumes can have maxSize");
    if (maxSize !== undefined && maxSize <= size)
      report(`${path}/persistent/maxSize`, `got ${maxSize}, expected more than ${size}`);
    if ((constraints?.length ?? 0) > 0 && kind === "root")
      report(`${path}/persistent/constraints`, "Constraints on root volumes are not supported");
    for (const constraint of constraints ?? [])
      if (constraint[0] !== "path" || !["LIKE", "UNLIKE"].includes(constraint[1] ?? ""))
        report(`${path}/persistent/constraints`, "Unsupported field or operator");
  }
  if ("external" in volume) {
    const { provider, name, options, size } = volume.external;
    if (!flags.features.includes("external_volumes"))
      report(path, "Feature external_volumes is not enabled. Enable with --enable_features external_volumes)");
    if (provider !== "dvdi") report(`${path}/external/provider`, "is unknown provider");
    if (name === undefined || name === "") report(`${path}/external/name`, "not defined");
    if (options?.["dvdi/driver"] === undefined) report(`${path}/external/options`, "dvdi/driver not defined");
    if (Object.keys(options ?? {}).some((key) => !/^[^/]+\/[^/]+$/.test(key)))
      report(`${path}/external/options`, "must be of the form prefix/name");
    if (app.container?.type === "DOCKER" && size !== undefined) report(`${path}/external/size`, "must be undefined");
    if (app.container?.type === "MESOS" && volume.mode !== "RW") report(`${path}/mode`, "must be RW");
  }
}

function resident(app: App, flags: ValidationFlags, report: Report): void {
  if (app.upgradeStrategy.maximumOverCapacity !== 0)
    report(
      "/upgradeStrategy/maximumOverCapacity",
      `got ${decimal(app.upgradeStrategy.maximumOverCapacity)}, expected 0.0`,
    );
  if (app.unreachableStrategy !== "disabled")
    report("/unreachableStrategy", "unreachableStrategy must be disabled for resident tasks");
  if (flags.mesosRole === "*") report("/", "Resident apps cannot have the role *");
  if (app.acceptedResourceRoles !== undefined && app.acceptedResourceRoles.join() !== "*")
    report("/acceptedResourceRoles", 'A resident app must have `acceptedResourceRoles = ["*"]`.');
}

function external(app: App, report: Report): void {
  const volumes = externalVolumes(app);
  if (volumes.length === 0) return;
  if (app.instances > 1) report("/instances", `got ${app.instances}, expected 1 or less`);
  if (app.upgradeStrategy.maximumOverCapacity !== 0)
    report(
      "/upgradeStrategy/maximumOverCapacity",
      `got ${decimal(app.upgradeStrategy.maximumOverCapacity)}, expected 0.0`,
    );
  const names = volumes.map(({ external: { name } }) => name);
  if (new Set(names).size < names.length) report("/container/volumes", "Volume names must be unique");
}

/** What may never change on a resident app, force or not (facts 5). */
export function residentUpdateProblems(before: App, after: App): ProblemDetail[] {
  if (!isResident(before) && !isResident(after)) return [];
  const errors: string[] = [];
  const shape = (app: App) => JSON.stringify(persistentVolumes(app));
  if (shape(before) !== shape(after)) errors.push("Persistent volumes can not be changed!");
  const resources = ({ cpus, mem, disk, gpus, requirePorts, portDefinitions, container }: App) =>
    JSON.stringify([
      [cpus, mem, disk, gpus, requirePorts],
      requirePorts ? portDefinitions?.map(({ port }) => port) : portDefinitions?.length,
      container?.portMappings?.map(({ hostPort }) => hostPort ?? null),
    ]);
  if (resources(before) !== resources(after))
    errors.push(
      "Services with persistent volumes configured may not change resource requirements (cpus, mem, disk, gpus) or host ports",
    );
  return errors.length === 0 ? [] : [{ path: "/", errors }];
}

/** Whether a name of an external volume is used by two apps without both sharing it (facts 6). */
export function externalNameClash(app: App, others: Iterable<App>): ProblemDetail[] {
  const own = externalVolumes(app).filter(({ external: { shared } }) => !shared);
  if (own.length === 0) return [];
  const taken = new Set(
    [...others]
      .filter(({ id }) => id !== app.id)
      .flatMap((other) => externalVolumes(other).map((v) => v.external.name)),
  );
  return own
    .filter(({ external: { name } }) => taken.has(name))
    .map(({ external: { name } }) => ({
      path: "/container/volumes",
      errors: [`Requested volume name ${name} is already in use by another app`],
    }));
}

/** As Scala prints a double. */
const decimal = (value: number) => (Number.isInteger(value) ? `${value}.0` : String(value));
