import { HoldfastError, type Placement, type Service } from "@holdfast/core";
import { OWNER_LABEL } from "../app-id.js";
import { SINGLE_INSTANCE_LABEL } from "../definition.js";
import { pointerPart } from "../pointer.js";
import { EXECUTABLE_NAME, engineCommand, healthLine } from "./command.js";
import { constraintsFor, residentConstraints } from "./constraints.js";
import type { Failover } from "./failover.js";
import { killGraceSeconds, recoverySeconds } from "./grace.js";
import type { CompileOptions } from "./options.js";
import type { ReasonedFields } from "./reasoned.js";
import { DIGEST_VARIABLE, digestOf, SERVICE_FILE_NAME, serviceFileUri } from "./service-file.js";
import type { PlacedVolume } from "./volumes.js";

/**
 * Memory of the wrapper in one task, MiB. Resident were 46 for the guard and 57 for the lock process (measured, Node 20,
 * directory store); a storage process, and `holdfast health` for the moment of a check, are taken to be as large. Rounded up.
 */
export const WRAPPER_MIB = 256;
const SANDBOX_MIB = 512;

export function setInstances(
  fields: ReasonedFields,
  { kind, instances, unreachableStrategy, upgradeStrategy }: Failover,
): void {
  const warm = kind === "standby";
  fields.set("instances", instances, warm ? "the holder, and one that waits for the lease" : "one run at a time");
  const stays = "the data is on one agent; a copy elsewhere could only start empty";
  fields.set(
    "unreachableStrategy",
    unreachableStrategy,
    unreachableStrategy === "disabled"
      ? stays
      : "the lease makes a second copy harmless, so that a replacement may start as soon as Mesos says unreachable",
    unreachableStrategy === "disabled"
      ? {}
      : {
          inactiveAfterSeconds: "a larger value would be looked at only by the next reconciliation, ten minutes later",
          expungeAfterSeconds:
            "an agent that is back within an hour is still known, and the waiting copy is the one killed",
        },
  );
  fields.set("killSelection", "YOUNGEST_FIRST", "of two copies the older holds the lease; OLDEST_FIRST would kill it");
  fields.set(
    "upgradeStrategy",
    upgradeStrategy,
    "Marathon's default {1, 1} starts the new copy before it has stopped the old one",
    {
      minimumHealthCapacity: warm ? "one of the two is replaced after the other" : "the old one is stopped first",
      maximumOverCapacity: "never more copies than asked for",
    },
  );
}

export function setLabelsAndEnv(
  fields: ReasonedFields,
  service: Service,
  failover: Failover,
  options: CompileOptions,
): void {
  const { name, labels: own } = service.metadata;
  const taken = Object.keys(own).find((key) => key === SINGLE_INSTANCE_LABEL || key.startsWith("HOLDFAST_"));
  if (taken !== undefined) {
    throw new HoldfastError("INVALID_SPEC", `The label ${taken} is set by Holdfast.`, {
      hint: "Remove it from metadata.labels.",
    });
  }
  const single = failover.instances === 1;
  const labels = { ...own, [OWNER_LABEL]: name, ...(single ? { [SINGLE_INSTANCE_LABEL]: "true" } : {}) };
  const mine = Object.fromEntries(Object.keys(own).map((key) => [pointerPart(key), "metadata.labels"]));
  fields.set("labels", labels, "who it is, and what Marathon enforces; nothing that changes by itself", {
    ...mine,
    [OWNER_LABEL]: "whose app it is; an app without it is foreign and left alone",
    ...(single
      ? { [SINGLE_INSTANCE_LABEL]: "Marathon itself then refuses a second instance and any other upgradeStrategy" }
      : {}),
  });
  const { env } = engineCommand(service, options);
  const engine = Object.fromEntries(Object.keys(env).map((key) => [pointerPart(key), "the engine's own variable"]));
  fields.set("env", { ...env, [DIGEST_VARIABLE]: digestOf(service) }, "no secret is ever put here: Marathon shows it", {
    ...engine,
    [DIGEST_VARIABLE]: "what a run takes from its service file, so that a change of it reaches the run",
  });
}

export function setResources(fields: ReasonedFields, service: Service, options: CompileOptions): void {
  const { cpus, memMiB } = service.spec.resources;
  fields.set("cpus", cpus, "spec.resources.cpus");
  fields.set("mem", memMiB + WRAPPER_MIB, `spec.resources.memMiB ${memMiB} + ${WRAPPER_MIB} for the wrapper`);
  fields.set("disk", options.sandboxMiB ?? SANDBOX_MIB, "the sandbox: executable, log and report; no data is there");
}

export function setContainer(
  fields: ReasonedFields,
  volumes: readonly PlacedVolume[],
  { image }: CompileOptions,
): void {
  const made = volumes.flatMap(({ scheduler, mountPath }) => (scheduler === null ? [] : [{ scheduler, mountPath }]));
  if (image === undefined && made.length === 0) return;
  const inner: Record<string, string> = {
    type: "the Mesos containerizer; only there may a run mount and fence itself",
  };
  if (image !== undefined) inner.docker = "the image in which it runs; kept on the agent between starts";
  const entries: Record<string, unknown>[] = [];
  for (const { scheduler, mountPath } of made) {
    const { name, sizeMiB, disk, sizeMiBMax, diskPath, atMountPath } = scheduler;
    inner[`volumes/${entries.length}`] = "the persistent volume, as a directory of the sandbox";
    const persistent = {
      type: disk,
      size: sizeMiB,
      ...(sizeMiBMax === null ? {} : { maxSize: sizeMiBMax }),
      ...(diskPath === null ? {} : { constraints: [["path", "LIKE", diskPath]] }),
    };
    entries.push({ containerPath: name, mode: "RW", persistent });
    if (!atMountPath) continue;
    inner[`volumes/${entries.length}`] = "the same at mountPath; without it the data would lie beside the volume";
    entries.push({ containerPath: mountPath, hostPath: name, mode: "RW" });
  }
  const container = {
    type: "MESOS",
    ...(image === undefined ? {} : { docker: { image, forcePullImage: false } }),
    ...(entries.length === 0 ? {} : { volumes: entries }),
  };
  fields.set("container", container, "what the task sees of the agent", inner);
}

export function setPlacement(
  fields: ReasonedFields,
  placement: Placement,
  { kind }: Failover,
  volumes: readonly PlacedVolume[],
): void {
  const constraints = kind === "resident" ? residentConstraints(placement, volumes) : constraintsFor(placement, kind);
  const inner = Object.fromEntries(constraints.map(({ why }, index) => [String(index), why]));
  const none =
    kind === "resident" ? "Mesos finds an agent; from then on the volume keeps it there" : "any agent will do";
  fields.set(
    "constraints",
    constraints.map(({ constraint }) => [...constraint]),
    constraints.length === 0 ? none : "where the storage says that it may run",
    inner,
  );
}

export function setNetwork(fields: ReasonedFields, service: Service): void {
  const { discovery } = service.spec;
  fields.set("networks", [{ mode: "host" }], "clients and replicas reach the agent's own address");
  const definitions = discovery === undefined ? [] : [{ port: discovery.port, protocol: "tcp", name: "service" }];
  fields.set(
    "portDefinitions",
    definitions,
    discovery === undefined ? "no port is published; left out, Marathon would assign one" : "spec.discovery.port",
  );
  const why = "the port above is the one on the agent, and only agents that offer it are taken";
  fields.set("requirePorts", discovery !== undefined, discovery === undefined ? "there is no port" : why);
}

export function setFetch(fields: ReasonedFields, service: Service, { executable, serviceFile }: CompileOptions): void {
  const entries: Record<string, unknown>[] = [];
  const inner: Record<string, string> = {};
  if ("uri" in executable) {
    inner[String(entries.length)] =
      "the executable, from the agent's cache after the first time: a start needs no server";
    const { uri } = executable;
    entries.push({ uri, extract: false, executable: true, cache: true, destPath: EXECUTABLE_NAME });
  }
  const uri = serviceFileUri(serviceFile, service);
  if (uri !== null) {
    inner[String(entries.length)] =
      "the service file; its address has the digest, so that the cache can hold no other content";
    entries.push({ uri, extract: false, executable: false, cache: true, destPath: SERVICE_FILE_NAME });
  }
  fields.set("fetch", entries, entries.length === 0 ? "everything is on the agents" : "what a start needs", inner);
}

export function setHealth(fields: ReasonedFields, service: Service, options: CompileOptions): void {
  const check = {
    protocol: "COMMAND",
    command: { value: healthLine(service, options) },
    gracePeriodSeconds: recoverySeconds(service, options),
    intervalSeconds: 20,
    timeoutSeconds: 15,
    maxConsecutiveFailures: 3,
  };
  fields.set("healthChecks", [check], "one check: Mesos takes one per task", {
    "0/protocol":
      "on the agent; a check from the Marathon leader kills a healthy database when the network between fails",
    "0/command": "the run's own word: healthy also while it waits, repairs or restores, when no port is open yet",
    "0/gracePeriodSeconds":
      "attachTimeoutMs + the longest crash recovery; it ends with the first success, and from then on the run's own limits count",
    "0/intervalSeconds": "a run that hangs is noticed within a minute or so; the lease does not wait for it",
    "0/timeoutSeconds": "the command starts a process; a loaded agent is no reason to kill",
    "0/maxConsecutiveFailures": "0 would kill at the first failure",
  });
}

export function setStopAndRestart(fields: ReasonedFields, service: Service, volumes: readonly PlacedVolume[]): void {
  const grace = killGraceSeconds(service, volumes);
  fields.set("taskKillGracePeriodSeconds", grace.seconds, grace.why);
  fields.set("backoffSeconds", 1, "a first failure is often a lost lease; the successor may try at once");
  fields.set("backoffFactor", 1.5, "failures that repeat are tried less often");
  fields.set("maxLaunchDelaySeconds", 60, "Marathon's default of 300 would add up to five minutes to a failover");
}
