import { type CompiledService, canonicalJson, HoldfastError, type Placement, type Service } from "@holdfast/core";
import { appIdOf } from "../app-id.js";
import { lintDefinition } from "../lint/lint.js";
import { setCommand } from "./command.js";
import { chooseFailover, type Failover } from "./failover.js";
import {
  setContainer,
  setFetch,
  setHealth,
  setInstances,
  setLabelsAndEnv,
  setNetwork,
  setPlacement,
  setResources,
  setStopAndRestart,
  WRAPPER_MIB,
} from "./fields.js";
import { killGraceSeconds } from "./grace.js";
import type { CompileOptions } from "./options.js";
import { ReasonedFields } from "./reasoned.js";
import type { PlacedVolume } from "./volumes.js";

export interface CompiledApp extends CompiledService {
  /** The definition as canonical JSON: equal services give equal bytes. Send these. */
  readonly bytes: string;
  readonly failover: Failover;
  /** Pointers of the fields that restart the task when they change: all but `/instances`, see `diffApp`. */
  readonly restarts: readonly string[];
}

/**
 * Pure: a service as a Marathon app definition, with a reason for every field. Equal services give equal bytes; nothing
 * in it depends on time, on the cluster's state or on who asks.
 * @throws `NO_CAPACITY`: the placement is not known yet; leave what runs alone and compile again later.
 *   `INVALID_SPEC`, `UNSUPPORTED`, `BAD_CONFIGURATION`: the service or the options cannot work; nothing was compiled.
 */
export function compileApp(service: Service, placement: Placement, options: CompileOptions): CompiledApp {
  const volumes = options.volumes(service);
  const failover = chooseFailover(service.spec.standby, volumes, placement);
  const fields = new ReasonedFields();
  fields.set("id", appId(service, options), "group and metadata.name");
  setInstances(fields, failover);
  setCommand(fields, service, options, killGraceSeconds(service, volumes).seconds * 1_000);
  setLabelsAndEnv(fields, service, failover, options);
  setResources(fields, service, options);
  setContainer(fields, volumes, options);
  setPlacement(fields, placement, failover, volumes);
  setNetwork(fields, service);
  setFetch(fields, service, options);
  setHealth(fields, service, options);
  setStopAndRestart(fields, service, volumes);
  const user = options.user ?? (volumes.some(({ capabilities }) => capabilities.mounts) ? "root" : undefined);
  if (user !== undefined) {
    fields.set("user", user, options.user === undefined ? "the run mounts its volume itself" : "as configured");
  }
  const { definition, reasons } = fields;
  refuseErrors(definition);
  return {
    definition,
    reasons,
    warnings: warningsFor(service, volumes, failover, options),
    bytes: canonicalJson(definition),
    failover,
    restarts: Object.keys(definition)
      .filter((field) => field !== "id" && field !== "instances")
      .map((field) => `/${field}`),
  };
}

/** Segments that Marathon's API keeps for itself (AppValidation.scala). */
const RESERVED_IDS = ["restart", "tasks", "versions"];

function appId({ metadata: { name } }: Service, { group }: CompileOptions): string {
  if (RESERVED_IDS.includes(name)) {
    throw new HoldfastError("INVALID_SPEC", `Marathon keeps the name "${name}" for itself.`, {
      hint: "Give the service another name.",
    });
  }
  return appIdOf(name, group);
}

/** What the linter calls an error in anybody's definition is not sent in ours. */
function refuseErrors(definition: unknown): void {
  const found = lintDefinition(definition).find(({ severity }) => severity === "error");
  if (found === undefined) return;
  const { code, pointer, why, fix } = found;
  if (code.startsWith("MARATHON_SECRET_IN_")) {
    throw new HoldfastError("INVALID_SPEC", `A secret would stand in the app definition, at ${pointer}.`, {
      hint: "Everybody who may read Marathon's apps would see it. Give the engine a file, or a reference under spec.engine.secrets.",
      detail: { code, pointer },
    });
  }
  throw new HoldfastError("INVALID_SPEC", `The app definition would be wrong at ${pointer}: ${why}`, {
    hint: fix,
    detail: { code, pointer },
  });
}

function warningsFor(
  service: Service,
  volumes: readonly PlacedVolume[],
  failover: Failover,
  { image }: CompileOptions,
): string[] {
  const warnings: string[] = [];
  const { cpus, memMiB } = service.spec.resources;
  if (failover.kind === "standby") {
    warnings.push(`The warm standby reserves twice: ${2 * cpus} cpus and ${2 * (memMiB + WRAPPER_MIB)} MiB in all.`);
  }
  const secrets = "secrets" in service.spec.engine ? Object.entries(service.spec.engine.secrets) : [];
  for (const [name, reference] of secrets) {
    if (!("env" in reference)) continue;
    warnings.push(
      `The secret ${name} is expected in the variable ${reference.env}, which this definition does not set.`,
    );
  }
  if (image === undefined) {
    for (const { scheduler, mountPath } of volumes) {
      if (scheduler?.atMountPath !== true) continue;
      warnings.push(
        `${mountPath} must exist on every agent: without an image, Mesos mounts there and makes no directory.`,
      );
    }
  }
  return warnings;
}
