import { createHash } from "node:crypto";
import {
  type CompiledService,
  canonicalJson,
  type EngineCommand,
  HoldfastError,
  type Placement,
  type Service,
} from "@holdfast/core";
import type * as z from "zod";
import { type LocalDefinition, localDefinitionSchema } from "./definition.js";

export interface CompileOptions {
  /** How the wrapper is started: the executable and its leading arguments. */
  readonly wrapper: readonly [string, ...string[]];
  /** URL of the coordination store; may hold placeholders, so that each agent has its own way there. */
  readonly store: string;
  /**
   * Where the service file lies on the agents; may hold placeholders. Then a run gets everything from it, and its
   * strategies bring the volumes; without it, the volume is guarded where the operator mounted it.
   */
  readonly serviceFile?: (service: Service) => string;
  /** npm prefixes of plugins on the agents. */
  readonly pluginDirs?: readonly string[];
  /** Pure: the command of an engine other than `process`. Strings may hold placeholders. */
  readonly command?: (service: Service) => EngineCommand;
  readonly backoff?: z.input<typeof localDefinitionSchema>["backoff"];
  readonly health?: z.input<typeof localDefinitionSchema>["health"];
}

/** Beyond stop budget and margin: for the wrapper to settle the volume and to write `released`. */
const RELEASE_RESERVE_MS = 1_000;

/**
 * Pure: the same service gives the same definition.
 * @throws `UNSUPPORTED` for an engine that `options.command` does not know.
 */
export function compileService(service: Service, placement: Placement, options: CompileOptions): CompiledService {
  const { name } = service.metadata;
  const { exclusivity } = service.spec;
  const file = options.serviceFile?.(service);
  const { argv, env, warnings } =
    file === undefined ? volumeRun(service, options) : serviceFileRun(service, options, file);

  const definition = localDefinitionSchema.parse({
    v: 1,
    id: name,
    instances: 1,
    argv: argv.parts,
    env,
    agents: placement.kind === "agents" ? [...placement.agents] : null,
    killGraceMs: exclusivity.stopBudgetMs + exclusivity.marginMs + RELEASE_RESERVE_MS,
    backoff: options.backoff ?? {},
    health: options.health ?? {},
  } satisfies z.input<typeof localDefinitionSchema>) satisfies LocalDefinition;

  if (placement.kind === "attribute") {
    warnings.push(`local agents have no attributes: ${placement.name}=${placement.value} is not enforced`);
  }
  if (service.spec.standby === "warm") warnings.push("standby: warm is not provided here: one run waits or works");
  if (placement.kind === "wait") warnings.push(`placement is not known yet: ${placement.why}`);
  return {
    definition,
    reasons: {
      "/v": "format of local definitions",
      "/id": "metadata.name",
      "/instances": "one run at a time; the lease would refuse a second one",
      ...argv.reasons,
      "/env": "the engine's own variables; with a service file, a digest of what a run takes from it",
      "/agents": placement.kind === "agents" ? placement.why : "the storage can be used from every agent",
      "/killGraceMs": `stopBudgetMs + marginMs + ${RELEASE_RESERVE_MS} ms to write the release`,
      "/backoff": "as Marathon: 1 s, times 1.15 per failure, at most 300 s, unless set",
      "/health": "the run's own status; a run that does not answer is replaced",
    },
    warnings,
  };
}

interface CompiledRun {
  readonly argv: ReasonedArgv;
  readonly env: Readonly<Record<string, string>>;
  readonly warnings: string[];
}

/** The run reads the service file itself, on its agent. */
function serviceFileRun(service: Service, options: CompileOptions, file: string): CompiledRun {
  const argv = beginRun(options);
  argv.add("what is run, and on which storage", "-f", file);
  addPlace(argv, options);
  const { pluginDirs = [] } = options;
  if (pluginDirs.length > 0) argv.add("where plugins of the service file are", "--plugin-dir", pluginDirs.join(":"));
  addSupervision(argv);
  const inFile = "command" in service.spec.engine;
  if (inFile) return { argv, env: { [DIGEST_VARIABLE]: digestOf(service) }, warnings: [] };
  const command = engineCommand(service, options);
  addCommand(argv, command);
  return { argv, env: { ...command.env, [DIGEST_VARIABLE]: digestOf(service) }, warnings: [] };
}

/** Another file under the same path is another definition, or the change would wait for the next restart. */
const DIGEST_VARIABLE = "HOLDFAST_SERVICE_DIGEST";

function digestOf({ spec: { engine, storage, exclusivity, restore, plugins } }: Service): string {
  return createHash("sha256")
    .update(canonicalJson({ engine, storage, exclusivity, restore, plugins }))
    .digest("hex")
    .slice(0, 16);
}

/** Everything by flags; the volume is where the operator mounted it. */
function volumeRun(service: Service, options: CompileOptions): CompiledRun {
  const { exclusivity, storage } = service.spec;
  const [volume, ...moreVolumes] = storage;
  const command = engineCommand(service, options);
  const argv = beginRun(options);
  argv.add("metadata.name", "--service", service.metadata.name);
  addPlace(argv, options);
  for (const [flag, key] of TIMING_FLAGS) argv.add(`spec.exclusivity.${key}`, flag, String(exclusivity[key]));
  if (volume !== undefined) argv.add("spec.storage[0].mountPath", "--volume", volume.mountPath);
  addSupervision(argv);
  addCommand(argv, command);
  const warnings =
    moreVolumes.length === 0
      ? []
      : [`only ${volume?.mountPath} is guarded; give the wrapper a service file for several`];
  return { argv, env: command.env, warnings };
}

function beginRun(options: CompileOptions): ReasonedArgv {
  const argv = new ReasonedArgv(options.wrapper);
  argv.add("the wrapper that holds the lease", "run");
  return argv;
}

function addPlace(argv: ReasonedArgv, options: CompileOptions): void {
  argv.add("where the lease is kept, by this agent's own way", "--store", options.store);
  argv.add("who asks, for messages and history", "--agent", "{{agent}}");
}

function addSupervision(argv: ReasonedArgv): void {
  argv.add("a predecessor that this orchestrator believes gone may still hold the lease", "--wait");
  argv.add("says whose exit code it was", "--report", "{{sandbox}}/report.json");
  argv.add("answers the health checks", "--status-socket", "{{sandbox}}/status.sock");
}

function addCommand(argv: ReasonedArgv, command: EngineCommand): void {
  if (command.user !== null) argv.add("the engine's user", "--user", command.user);
  argv.add("how the engine is asked to stop", "--stop-signal", command.stopSignal);
  argv.add("the engine's command", "--", ...command.argv);
}

const TIMING_FLAGS = [
  ["--lease-ms", "leaseMs"],
  ["--renew-ms", "renewMs"],
  ["--stop-budget-ms", "stopBudgetMs"],
  ["--margin-ms", "marginMs"],
  ["--guard-ms", "guardMs"],
] as const;

/** Arguments with the reason for each, by JSON pointer. */
class ReasonedArgv {
  readonly parts: [string, ...string[]];
  readonly reasons: Record<string, string> = {};

  constructor(wrapper: readonly [string, ...string[]]) {
    const [file, ...rest] = wrapper;
    this.parts = [file, ...rest];
    for (const index of this.parts.keys()) this.reasons[`/argv/${index}`] = "how Holdfast is started here";
  }

  add(why: string, ...parts: readonly string[]): void {
    for (const part of parts) {
      this.reasons[`/argv/${this.parts.length}`] = why;
      this.parts.push(part);
    }
  }
}

function engineCommand(service: Service, options: CompileOptions): EngineCommand {
  const { engine } = service.spec;
  if ("command" in engine) return { argv: engine.command, env: {}, stopSignal: "SIGTERM", user: null };
  if (options.command === undefined) {
    throw new HoldfastError("UNSUPPORTED", `No command is known for the engine ${engine.type}.`, {
      hint: "Use the engine type `process` with a command, or install the engine's plugin.",
    });
  }
  return options.command(service);
}
