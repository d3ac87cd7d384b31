import { accessSync, constants as fsConstants } from "node:fs";
import { constants } from "node:os";
import { DEFAULT_LEASE_COSTS, HoldfastError } from "@holdfast/core";
import { readMachineIdentity, resolveUser } from "@holdfast/effects";
import {
  DEFAULT_ATTACH_TIMEOUT_MS,
  DEFAULT_VOLUME_CHECK_MS,
  DEFAULT_VOLUME_TIMEOUT_MS,
  defaultClaimWaitMs,
  defaultStatusSocketPath,
  type GrantPolicy,
  type GuardConfig,
  type StoreCredentials,
} from "@holdfast/supervisor";
import type { ResolvedService } from "../storage/spec.js";
import type { RunArguments } from "./parse.js";
import { agentName } from "./resolve-storage.js";
import { leaseTiming } from "./timing.js";

type Environment = Readonly<Record<string, string | undefined>>;

const SERVICE_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const HELP_HINT = "See `holdfast run --help`.";

/**
 * What `holdfast run` was told, checked before anything is started or touched.
 * @throws `USAGE`, `IMPOSSIBLE_BUDGET`, `BAD_CONFIGURATION`, `INVALID_SPEC`.
 */
export async function guardConfig(
  args: RunArguments,
  env: Environment,
  resolved: ResolvedService | null = null,
): Promise<GuardConfig> {
  const [program, ...programArgs] = args.command.length > 0 ? args.command : (resolved?.command ?? []);
  if (program === undefined) {
    throw usage("No command was given.", "It stands after `--`: holdfast run [flags] -- command args…");
  }
  const service = resolved?.service ?? args.text("service") ?? env.HOLDFAST_SERVICE;
  if (service !== undefined && args.text("service") !== undefined && args.text("service") !== service) {
    throw usage(`The service file describes ${service}, not ${args.text("service")}.`, "Leave out --service.");
  }
  if (service === undefined) throw usage("No service was given.", `Give --service NAME. ${HELP_HINT}`);
  if (!SERVICE_NAME.test(service)) {
    throw usage(`"${service}" is not a service name.`, "Use 1 to 63 lower-case letters, digits or inner dashes.");
  }
  const store = args.text("store") ?? env.HOLDFAST_STORE;
  if (store === undefined) throw usage("No store was given.", `Give --store URL. ${HELP_HINT}`);
  const costs = { ...DEFAULT_LEASE_COSTS, cutMs: resolved?.cutMsMax ?? 0 };
  const timing = leaseTiming(args, resolved?.timing ?? null, costs);
  const limitMs = args.duration("wait");
  const wait = limitMs === undefined ? ({ kind: "none" } as const) : ({ kind: "wait", limitMs } as const);
  const volume = resolved?.volumes[0].volume.mountPath ?? args.text("volume");
  const user = args.text("user");
  const machine = readMachineIdentity();
  return {
    service,
    agent: agentName(args, env),
    task: env.MESOS_TASK_ID ?? null,
    machine,
    store: withoutSecrets(store),
    credentials: credentials(args),
    timing,
    costs,
    wait,
    firstRun: args.isSet("first-run"),
    leaseMsMax: Math.max(args.ms("lease-ms-max") ?? 0, timing.leaseMs),
    volume:
      volume === undefined
        ? null
        : {
            path: absolute(volume),
            mustBeMounted: args.isSet("volume-must-be-mounted") || resolved?.mounts === true,
            checkMs: args.ms("volume-check-ms") ?? DEFAULT_VOLUME_CHECK_MS,
            timeoutMs: args.ms("volume-timeout-ms") ?? DEFAULT_VOLUME_TIMEOUT_MS,
          },
    storage: null,
    claimWaitMs: args.ms("claim-wait-ms") ?? defaultClaimWaitMs(wait),
    attachTimeoutMs: args.ms("attach-timeout-ms") ?? resolved?.attachTimeoutMs ?? DEFAULT_ATTACH_TIMEOUT_MS,
    policy: grantPolicy(args, resolved !== null),
    stopSignal: signalNumber(args.text("stop-signal") ?? "SIGTERM"),
    tree: oneOf(args, "tree", ["auto", "pid-namespace", "subreaper"]),
    init: oneOf(args, "init", ["auto", "native", "util-linux"]),
    user: user === undefined ? null : await resolveUser(user),
    command: [program, ...programArgs],
    grade: resolved?.grade ?? "lease-only",
    reportFile:
      args.text("report") ?? (env.MESOS_SANDBOX === undefined ? null : `${env.MESOS_SANDBOX}/holdfast-report.json`),
    statusSocket: args.text("status-socket") ?? defaultStatusSocketPath(service, env, process.geteuid?.() ?? 0),
    killGraceMs: args.ms("kill-grace-ms") ?? null,
  };
}

function usage(message: string, hint: string): HoldfastError {
  return new HoldfastError("USAGE", message, { hint });
}

/** Passwords come from files; one in a URL would stand in every process list. */
function withoutSecrets(url: string): string {
  if (/^[a-z+]+:\/\/[^/@]*@/.test(url)) {
    throw new HoldfastError("BAD_CONFIGURATION", "The store URL contains credentials.", {
      hint: "Put user:password into a file of mode 600 and give --store-auth-file FILE.",
    });
  }
  return url;
}

function absolute(path: string): string {
  if (path.startsWith("/")) return path === "/" ? path : path.replace(/\/+$/, "");
  throw usage(`--volume ${path} is not an absolute path.`, "A volume has the same absolute path on every agent.");
}

function credentials(args: RunArguments): StoreCredentials {
  const ca = args.text("store-ca");
  const [cert, key] = [args.text("store-cert"), args.text("store-key")];
  if ((cert === undefined) !== (key === undefined)) {
    throw usage("--store-cert and --store-key belong together.", "Give both or neither.");
  }
  if (ca === undefined && (cert !== undefined || args.text("store-server-name") !== undefined)) {
    throw usage("--store-cert, --store-key and --store-server-name need --store-ca.", HELP_HINT);
  }
  for (const file of [ca, cert, key, args.text("store-auth-file")]) if (file !== undefined) requireReadable(file);
  return {
    authFile: args.text("store-auth-file") ?? null,
    tls:
      ca === undefined
        ? null
        : {
            caFile: ca,
            certFile: cert ?? null,
            keyFile: key ?? null,
            serverName: args.text("store-server-name") ?? null,
          },
  };
}

function requireReadable(file: string): void {
  try {
    accessSync(file, fsConstants.R_OK);
  } catch (cause) {
    throw new HoldfastError("BAD_CONFIGURATION", `${file} cannot be read.`, {
      hint: "Check the path and its mode.",
      cause,
    });
  }
}

function grantPolicy(args: RunArguments, hasStorage: boolean): GrantPolicy {
  const kind = oneOf(args, "policy", ["start-kill", "promote-demote"]);
  if (hasStorage && kind === "promote-demote") {
    throw usage(
      "--policy promote-demote and a storage strategy exclude each other.",
      "A replica has a volume of its own; give it with --volume.",
    );
  }
  const [promote, demote] = [args.text("promote"), args.text("demote")];
  if (kind === "start-kill") {
    if (promote === undefined && demote === undefined) return { kind };
    throw usage("--promote and --demote need --policy promote-demote.", HELP_HINT);
  }
  if (promote === undefined || demote === undefined) {
    throw usage("--policy promote-demote needs --promote and --demote.", HELP_HINT);
  }
  return { kind, promote, demote };
}

function oneOf<T extends string>(
  args: RunArguments,
  name: "tree" | "init" | "policy",
  values: readonly [T, ...T[]],
): T {
  const given = args.text(name) ?? values[0];
  const found = values.find((value) => value === given);
  if (found === undefined) throw usage(`--${name} ${given} is not known.`, `Use ${values.join(", ")}.`);
  return found;
}

function signalNumber(name: string): number {
  const full = name.startsWith("SIG") ? name : `SIG${name}`;
  const number = Object.hasOwn(constants.signals, full) ? constants.signals[full as NodeJS.Signals] : undefined;
  if (number === undefined)
    throw usage(`--stop-signal ${name} is not a signal.`, "Write for example SIGTERM or SIGINT.");
  return number;
}
