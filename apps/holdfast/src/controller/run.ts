import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ControllerContext, startController } from "@holdfast/controller";
import { readStorageRecord, type StrategyVolume } from "@holdfast/coordination";
import {
  type CoordinationStore,
  DEFAULT_LEASE_TIMING,
  DEFAULT_RECONCILE_LIMITS,
  HoldfastError,
  type Logger,
  type Orchestrator,
  type Placement,
  type PluginReference,
  type Service,
  timeBudget,
} from "@holdfast/core";
import { createOp, nativeVolumeTools, readMachineIdentity, systemClock } from "@holdfast/effects";
import { credentialsOf, type StoreAccessFlags } from "../cli/store-options.js";
import { locateInit } from "../embedded.js";
import { loadPlugins } from "../plugins/load-plugins.js";
import { unsupportedIn } from "../service-file/unsupported.js";
import { resolveServiceVolumes } from "../service-file/volumes.js";
import { openStore } from "../store-url.js";
import { createLocalWiring } from "./local.js";

declare const HOLDFAST_VERSION: string;

export interface ControllerFlags extends StoreAccessFlags {
  readonly listen: string;
  readonly tokensFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly advertise?: string;
  readonly orchestrator: string;
  readonly plugin: readonly PluginReference[];
  readonly pluginDir: readonly string[];
  readonly workDir: string;
  readonly agent?: string;
  readonly roundMs: number;
  readonly leaseMs: number;
}

const FIRST_CONTACT_MS = 10_000;

/** Runs until SIGTERM or SIGINT; then releases the lead and leaves what runs alone. */
export async function runControllerCommand(flags: ControllerFlags): Promise<void> {
  const url = flags.store ?? process.env.HOLDFAST_STORE;
  if (url === undefined) {
    throw new HoldfastError("USAGE", "No store was given.", { hint: "Give --store URL or set HOLDFAST_STORE." });
  }
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort(new Error(signal)));
  const store = await openStore({
    ...{ url, credentials: credentialsOf(flags), timeoutMs: FIRST_CONTACT_MS, retryUntil: stop.signal },
    mayCreate: true,
    silenceMs: timeBudget(timingOf(flags)).silenceMs,
    sessionTimeoutMs: flags.leaseMs,
  });
  const scratch = await mkdtemp(join(tmpdir(), "holdfast-controller-"));
  try {
    await serve(flags, url, store, scratch, stop.signal);
  } finally {
    await store.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function serve(
  flags: ControllerFlags,
  url: string,
  store: CoordinationStore,
  scratch: string,
  signal: AbortSignal,
): Promise<void> {
  const machine = readMachineIdentity();
  const agent = flags.agent ?? machine.host;
  const { orchestrator, run } = await wireOrchestrator(flags, url, agent);
  const volumeTools = nativeVolumeTools(locateInit().path ?? "holdfast-init");
  const context: ControllerContext = {
    ...{ store, clock: systemClock, logger: jsonLogger, orchestrator, limits: DEFAULT_RECONCILE_LIMITS },
    by: `controller-${machine.host}-${randomUUID().slice(0, 8)}`,
    process: { ...machine, agent, pid: process.pid, task: process.env.MESOS_TASK_ID ?? null },
    op: (ended) => createOp({ signal: ended, logger: jsonLogger, volumeTools, workDirectory: scratch }),
    resolve: async (service, ended) => {
      const volumes = await volumesOf(service, flags.pluginDir);
      return { volumes, placement: await recordedPlacement(store, volumes, agent, flags.orchestrator, ended) };
    },
  };
  const { host, port } = parseListen(flags.listen);
  const controller = await startController({
    ...{ context, host, port, signal, version: HOLDFAST_VERSION, timing: timingOf(flags), roundMs: flags.roundMs },
    tokensFile: flags.tokensFile ?? null,
    tls: tlsOf(flags),
    advertise: flags.advertise ?? advertisedByMarathon(flags, process.env),
    ...(run === null ? {} : { whileLeading: run }),
  });
  jsonLogger.log("info", "the API answers", { url: controller.url });
  await controller.ended;
}

async function wireOrchestrator(
  flags: ControllerFlags,
  store: string,
  agent: string,
): Promise<{ orchestrator: Orchestrator; run: ((signal: AbortSignal) => Promise<void>) | null }> {
  if (flags.orchestrator === "local") {
    await mkdir(flags.workDir, { recursive: true, mode: 0o755 });
    const { workDir: directory, pluginDir } = flags;
    return createLocalWiring({ directory, agent, store, pluginDirs: pluginDir, logger: jsonLogger });
  }
  const { orchestrators } = await loadPlugins({ pluginDirs: flags.pluginDir, references: flags.plugin });
  const orchestrator = orchestrators.get(flags.orchestrator);
  if (orchestrator !== undefined) return { orchestrator, run: null };
  const known = ["local", ...orchestrators.keys()].sort().join(", ");
  throw new HoldfastError("BAD_CONFIGURATION", `There is no orchestrator ${flags.orchestrator} here.`, {
    hint: `There are: ${known}. One from elsewhere is named with --plugin and installed in --plugin-dir.`,
  });
}

/** @throws `INVALID_SPEC` for what this program cannot do, or a strategy refuses. */
async function volumesOf(service: Service, pluginDirectories: readonly string[]): Promise<readonly StrategyVolume[]> {
  const [unsupported] = unsupportedIn(service);
  if (unsupported !== undefined) {
    throw new HoldfastError("INVALID_SPEC", `${unsupported.keys.join(".")} ${unsupported.message}.`, {
      hint: unsupported.fix,
    });
  }
  const references = service.spec.plugins;
  const registry = await loadPlugins({ pluginDirs: pluginDirectories, references });
  return resolveServiceVolumes(service, registry);
}

/**
 * Where data that cannot move has to run: the agent on record. Where none is yet, the local orchestrator has one machine to
 * choose from, and any other is told to wait: who chooses must know the agents.
 */
async function recordedPlacement(
  store: CoordinationStore,
  volumes: readonly StrategyVolume[],
  agent: string,
  orchestrator: string,
  signal: AbortSignal,
): Promise<Placement> {
  for (const { strategy, volume } of volumes) {
    if (strategy.capabilities(volume).movesBetweenAgents) continue;
    const recorded = await readStorageRecord({ store, clock: systemClock }, volume, signal);
    const home = recorded?.pin?.agent ?? recorded?.initialised?.agent;
    const name = `the data of ${volume.role}`;
    if (home !== undefined) return { kind: "agents", agents: [home], why: `${name} is on ${home} and nowhere else` };
    if (orchestrator === "local") return { kind: "agents", agents: [agent], why: `${name} will be on the only agent` };
    return { kind: "wait", why: `${name} is on no agent yet; mark it with \`holdfast volume init\` where it shall be` };
  }
  return { kind: "any" };
}

function timingOf({ leaseMs }: Pick<ControllerFlags, "leaseMs">) {
  const share = leaseMs / DEFAULT_LEASE_TIMING.leaseMs;
  const scaled = (ms: number, msMin: number) => Math.max(msMin, Math.round(ms * share));
  const { renewMs, stopBudgetMs, marginMs, guardMs } = DEFAULT_LEASE_TIMING;
  return {
    ...{ leaseMs, renewMs: scaled(renewMs, 100), stopBudgetMs: scaled(stopBudgetMs, 0) },
    ...{ marginMs: scaled(marginMs, 250), guardMs: scaled(guardMs, 100) },
  };
}

function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host !== undefined && port <= 65_535) return { host, port };
  throw new HoldfastError("USAGE", `"${text}" is no address to listen on.`, {
    hint: "Give ADDRESS:PORT, for example 127.0.0.1:8740 or [::1]:8740.",
  });
}

/** Marathon says in the environment where its tasks are reached. Pure. */
function advertisedByMarathon(
  { tlsCert }: Pick<ControllerFlags, "tlsCert">,
  { MARATHON_APP_ID, HOST, PORT0 }: NodeJS.ProcessEnv,
): string | null {
  if (MARATHON_APP_ID === undefined || HOST === undefined || PORT0 === undefined) return null;
  return `${tlsCert === undefined ? "http" : "https"}://${HOST}:${PORT0}`;
}

function tlsOf({ tlsCert, tlsKey }: ControllerFlags) {
  if (tlsCert === undefined && tlsKey === undefined) return null;
  if (tlsCert !== undefined && tlsKey !== undefined) return { certFile: tlsCert, keyFile: tlsKey };
  throw new HoldfastError("USAGE", "TLS needs a certificate and its key.", { hint: "Give --tls-cert and --tls-key." });
}

/** One line of JSON an event, for whatever collects the logs of tasks. */
const jsonLogger: Logger = {
  log(level, message, fields = {}) {
    if (level === "debug") return;
    process.stderr.write(`${JSON.stringify({ at: systemClock.wallTime(), level, message, ...fields })}\n`);
  },
};
