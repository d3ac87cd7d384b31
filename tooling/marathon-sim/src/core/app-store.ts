import { isDeepStrictEqual } from "node:util";
import { type App, externalVolumes, isResident, type RequestedApp } from "./app-schema.js";

const RESIDENCY = { relaunchEscalationTimeoutSeconds: 3_600, taskLostBehavior: "WAIT_FOREVER" } as const;

export interface StoreContext {
  readonly version: string;
  readonly role: string;
  /** Hands out a service port for one that is 0 (facts 10: from 10000..20000, kept over updates). */
  readonly servicePort: () => number;
}

/** What Marathon stores for a definition: its defaults filled in, service ports assigned, versions set. */
export function storedApp(requested: RequestedApp, before: App | undefined, context: StoreContext): App {
  const resident = isResident(requested);
  const { portDefinitions, residency, networks, ...rest } = requested;
  const completed = {
    ...rest,
    networks: networks ?? [{ mode: "host" as const }],
    // Facts 2 and 4: the defaults depend on whether the app has volumes of its own.
    upgradeStrategy:
      requested.upgradeStrategy ??
      (resident || externalVolumes(requested).length > 0
        ? { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 }
        : { minimumHealthCapacity: 1, maximumOverCapacity: 1 }),
    unreachableStrategy:
      requested.unreachableStrategy ??
      (resident ? ("disabled" as const) : { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 }),
    role: requested.role ?? context.role,
    healthChecks: requested.healthChecks.map((check) => ({
      ...check,
      ...(check.protocol !== "COMMAND" && check.port === undefined && check.portIndex === undefined
        ? { portIndex: 0 }
        : {}),
    })),
    constraints: requested.constraints.map((constraint) => [...constraint]),
    // Deprecated and without effect, and still returned for resident apps (facts 5).
    ...(resident ? { residency: residency ?? RESIDENCY } : {}),
    ...storedPorts(requested, before, context),
  };
  const kind = before === undefined ? "config" : changeKind(before, completed);
  return {
    ...completed,
    version: context.version,
    versionInfo: {
      lastScalingAt: context.version,
      lastConfigChangeAt: kind === "config" ? context.version : (before?.versionInfo.lastConfigChangeAt ?? ""),
    },
  };
}

export type ChangeKind = "none" | "scale" | "config";

/** Facts 2: anything but `instances` that differs, labels included, is a real restart. */
export function changeKind(before: App, after: Omit<App, "version" | "versionInfo">): ChangeKind {
  const strip = ({ instances: _, ...rest }: Record<string, unknown>) => {
    const { version: __, versionInfo: ___, ...config } = rest;
    return definedOnly(config);
  };
  if (!isDeepStrictEqual(strip({ ...before }), strip({ ...after }))) return "config";
  return before.instances === after.instances ? "none" : "scale";
}

const definedOnly = (value: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));

function storedPorts(requested: RequestedApp, before: App | undefined, { servicePort }: StoreContext) {
  const isHost = (requested.networks ?? [{ mode: "host" }]).every(({ mode }) => mode === "host");
  if (isHost) {
    const wanted = requested.portDefinitions ?? [{ port: 0, name: "default", protocol: "tcp" as const, labels: {} }];
    return {
      portDefinitions: wanted.map((definition, index) => ({
        ...definition,
        port: definition.port || before?.portDefinitions?.[index]?.port || servicePort(),
      })),
    };
  }
  const given = requested.portDefinitions === undefined ? {} : { portDefinitions: requested.portDefinitions };
  const mappings = requested.container?.portMappings;
  if (requested.container === undefined || mappings === undefined) return given;
  return {
    ...given,
    container: {
      ...requested.container,
      portMappings: mappings.map((mapping, index) => ({
        ...mapping,
        servicePort: mapping.servicePort || before?.container?.portMappings?.[index]?.servicePort || servicePort(),
      })),
    },
  };
}

/** Members that Marathon leaves out when they are empty (`pragma.omitEmpty` in the RAML). */
const OMITTED_WHEN_EMPTY = [
  "args",
  "fetch",
  "healthChecks",
  "readinessChecks",
  "secrets",
  "constraints",
  "dependencies",
];

/** The app as `GET` shows it. */
export function shownApp(app: App): Record<string, unknown> {
  const empty = (value: unknown) => value === undefined || Object.keys(value as object).length === 0;
  return Object.fromEntries(
    Object.entries(app).filter(
      ([key, value]) => value !== undefined && !(OMITTED_WHEN_EMPTY.includes(key) && empty(value)),
    ),
  );
}
