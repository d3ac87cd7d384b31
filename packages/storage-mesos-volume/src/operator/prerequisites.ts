import type { StorageFinding } from "@holdfast/core";
import type { MesosFlags, MesosFramework } from "@holdfast/mesos";
import { permission } from "./acls.js";

export interface PrerequisiteFacts {
  /** Registered frameworks, as the master lists them. */
  readonly frameworks: readonly MesosFramework[];
  /** Of the leading master; null when they could not be read. */
  readonly flags: MesosFlags | null;
}

export interface WantedFramework {
  /** Name under which Marathon registered. */
  readonly framework: string;
  readonly mesosRole: string | undefined;
}

type FrameworkInfo = MesosFramework["framework_info"];

/**
 * Pure: what has to be so before Marathon can make a persistent volume, as far as Mesos tells it. Empty: nothing speaks
 * against it. An `error` means that an app would be refused, wait for ever, or lose its data; correct it before the first launch.
 */
export function judgePrerequisites(facts: PrerequisiteFacts, wanted: WantedFramework): StorageFinding[] {
  const infos = facts.frameworks.map(({ framework_info }) => framework_info);
  const named = infos.filter(({ name }) => name === wanted.framework);
  const [marathon] = named;
  if (marathon === undefined) return [unknownFramework(infos, wanted)];
  const roles = rolesOf(marathon);
  return [
    ...(named.length > 1 ? [registeredTwice(named.length, wanted)] : []),
    ...roleFindings(roles, wanted),
    ...registrationFindings(marathon),
    ...roles.flatMap((role) => sharedRole(role, marathon, infos)),
    ...roles.flatMap((role) => rightsFindings(role, marathon, facts.flags)),
  ];
}

/** Without `*`, which can reserve nothing; `role` is the form of frameworks that are not MULTI_ROLE. */
function rolesOf({ roles, role = "*" }: FrameworkInfo): readonly string[] {
  return (roles.length > 0 ? roles : [role]).filter((name) => name !== "*");
}

function unknownFramework(infos: readonly FrameworkInfo[], { framework }: WantedFramework): StorageFinding {
  const known = infos.map(({ name }) => name).join(", ") || "none";
  return {
    severity: "error",
    code: "MESOS_FRAMEWORK_UNKNOWN",
    message: `No framework ${framework} is registered with Mesos (there is ${known}).`,
    fix: "Start Marathon, or set options.framework to its --framework_name.",
  };
}

function registeredTwice(count: number, { framework }: WantedFramework): StorageFinding {
  return {
    severity: "error",
    code: "MESOS_FRAMEWORK_TWICE",
    message: `${count} frameworks are named ${framework}: one of them may be an old one that still holds reservations.`,
    fix: "Tear the old one down when nothing of it is needed, or give each its own --framework_name.",
  };
}

function roleFindings(roles: readonly string[], { mesosRole }: WantedFramework): StorageFinding[] {
  if (roles.length === 0) {
    return [
      {
        severity: "error",
        code: "MESOS_ROLE_MISSING",
        message:
          "Marathon is registered with the role * only, which can reserve nothing: it refuses resident apps (422).",
        fix: "Start Marathon with a --mesos_role of its own.",
      },
    ];
  }
  if (mesosRole === undefined || roles.includes(mesosRole)) return [];
  return [
    {
      severity: "error",
      code: "MESOS_ROLE_OTHER",
      message: `Marathon is registered with ${roles.join(", ")}, not with ${mesosRole}.`,
      fix: "Correct options.mesosRole, or Marathon's --mesos_role.",
    },
  ];
}

function registrationFindings({ principal = "", checkpoint, failover_timeout = 0 }: FrameworkInfo): StorageFinding[] {
  const findings: StorageFinding[] = [];
  const add = (code: string, message: string, fix: string) => findings.push({ severity: "error", code, message, fix });
  if (principal === "") {
    const what =
      "Marathon is registered without a principal: Mesos then ignores its reservations, and the app waits for ever.";
    add("MESOS_PRINCIPAL_MISSING", what, "Start Marathon with --mesos_authentication_principal.");
  }
  if (checkpoint !== true) {
    const what = "Marathon does not checkpoint: a restart of the agent process ends the database.";
    add("MESOS_NO_CHECKPOINT", what, "Remove --disable_checkpoint from Marathon.");
  }
  if (failover_timeout <= 0) {
    const what =
      "Mesos removes Marathon at once when it is away, kills its tasks and leaves the reservations to nobody.";
    add("MESOS_NO_FAILOVER_TIMEOUT", what, "Set Marathon's --failover_timeout, a week by default.");
  }
  return findings;
}

function sharedRole(role: string, marathon: FrameworkInfo, infos: readonly FrameworkInfo[]): StorageFinding[] {
  const others = infos.filter((info) => info.id !== marathon.id && rolesOf(info).includes(role));
  if (others.length === 0) return [];
  const names = others.map(({ name }) => name).join(", ");
  return [
    {
      severity: "warning",
      code: "MESOS_ROLE_SHARED",
      message: `The role ${role} is used by ${names} as well: Mesos offers them this volume, and they may destroy it.`,
      fix: "Give Marathon a role that nobody else has.",
    },
  ];
}

function rightsFindings(role: string, { principal }: FrameworkInfo, flags: MesosFlags | null): StorageFinding[] {
  return (["reserve_resources", "create_volumes"] as const).flatMap((action) => {
    const { kind, why } = permission(flags, action, { principal, role });
    if (kind === "permitted") return [];
    const denied = kind === "denied";
    const what = denied ? "Not permitted" : "It cannot be told whether it is permitted";
    return [
      {
        severity: denied ? "error" : "info",
        code: denied ? "MESOS_RIGHT_DENIED" : "MESOS_RIGHT_UNKNOWN",
        message: `${what}: ${action} for role ${role} by ${principal ?? "no principal"} (${why}).`,
        fix: `Permit ${action} to Marathon's principal in the master's --acls, or see its authoriser.`,
      },
    ];
  });
}
