import type { StorageFinding } from "@holdfast/core";
import type { MesosFlags, MesosFramework } from "@holdfast/mesos";
import { permission } from "./acls.js";

export interface PrerequisiteFacts {
  /** Registered frameworks, as the master lists them. */
  readonly frameworks: readonly MesosFramework[];
  /** Of the leading master; null when they could not be read. */
  readonly flags: MesosFlags | null;
}

/** What has to be so before Marathon can make a persistent volume. Pure: as far as Mesos can tell. */
export function judgePrerequisites(
  { frameworks, flags }: PrerequisiteFacts,
  wanted: { readonly framework: string; readonly mesosRole: string | undefined },
): StorageFinding[] {
  const findings: StorageFinding[] = [];
  const add = (severity: StorageFinding["severity"], code: string, message: string, fix: string) =>
    findings.push({ severity, code, message, fix });
  const named = frameworks.filter(({ framework_info }) => framework_info.name === wanted.framework);
  const [marathon] = named;
  if (marathon === undefined) {
    const known = frameworks.map(({ framework_info }) => framework_info.name).join(", ") || "none";
    add(
      "error",
      "MESOS_FRAMEWORK_UNKNOWN",
      `No framework ${wanted.framework} is registered with Mesos (there is ${known}).`,
      "Start Marathon, or set options.framework to its --framework_name.",
    );
    return findings;
  }
  if (named.length > 1) {
    add(
      "error",
      "MESOS_FRAMEWORK_TWICE",
      `${named.length} frameworks are named ${wanted.framework}: one of them may be an old one that still holds reservations.`,
      "Tear the old one down when nothing of it is needed, or give each its own --framework_name.",
    );
  }
  const { principal, roles, role, checkpoint, failover_timeout } = marathon.framework_info;
  const own = (roles.length > 0 ? roles : [role ?? "*"]).filter((name) => name !== "*");
  if (own.length === 0) {
    add(
      "error",
      "MESOS_ROLE_MISSING",
      "Marathon is registered with the role * only, which can reserve nothing: it refuses resident apps (422).",
      "Start Marathon with a --mesos_role of its own.",
    );
  } else if (wanted.mesosRole !== undefined && !own.includes(wanted.mesosRole)) {
    add(
      "error",
      "MESOS_ROLE_OTHER",
      `Marathon is registered with ${own.join(", ")}, not with ${wanted.mesosRole}.`,
      "Correct options.mesosRole, or Marathon's --mesos_role.",
    );
  }
  if (principal === undefined || principal === "") {
    add(
      "error",
      "MESOS_PRINCIPAL_MISSING",
      "Marathon is registered without a principal: Mesos then ignores its reservations, and the app waits for ever.",
      "Start Marathon with --mesos_authentication_principal.",
    );
  }
  if (checkpoint !== true) {
    add(
      "error",
      "MESOS_NO_CHECKPOINT",
      "Marathon does not checkpoint: a restart of the agent process ends the database.",
      "Remove --disable_checkpoint from Marathon.",
    );
  }
  if ((failover_timeout ?? 0) <= 0) {
    add(
      "error",
      "MESOS_NO_FAILOVER_TIMEOUT",
      "Mesos removes Marathon at once when it is away, kills its tasks and leaves the reservations to nobody.",
      "Set Marathon's --failover_timeout, a week by default.",
    );
  }
  for (const name of own) sharedRole(name);
  for (const name of own) rights(name);
  return findings;

  function sharedRole(name: string): void {
    const others = frameworks.filter(
      ({ framework_info }) =>
        framework_info.id !== marathon?.framework_info.id &&
        (framework_info.roles.includes(name) || framework_info.role === name),
    );
    if (others.length === 0) return;
    const names = others.map(({ framework_info }) => framework_info.name).join(", ");
    add(
      "warning",
      "MESOS_ROLE_SHARED",
      `The role ${name} is used by ${names} as well: Mesos offers them this volume, and they may destroy it.`,
      "Give Marathon a role that nobody else has.",
    );
  }

  function rights(name: string): void {
    for (const action of ["reserve_resources", "create_volumes"] as const) {
      const { kind, why } = permission(flags, action, { principal, role: name });
      if (kind === "permitted") continue;
      const message = `${kind === "denied" ? "Not permitted" : "It cannot be told whether it is permitted"}: ${action} for role ${name} by ${principal ?? "no principal"} (${why}).`;
      const fix = `Permit ${action} to Marathon's principal in the master's --acls, or see its authoriser.`;
      add(
        kind === "denied" ? "error" : "info",
        kind === "denied" ? "MESOS_RIGHT_DENIED" : "MESOS_RIGHT_UNKNOWN",
        message,
        fix,
      );
    }
  }
}
