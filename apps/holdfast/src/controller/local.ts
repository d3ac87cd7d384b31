import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, HoldfastError, type Logger, type Orchestrator, type Service } from "@holdfast/core";
import { readMachineIdentity, replaceFile, systemClock } from "@holdfast/effects";
import { createLocalOrchestrator, parseDefinition, type RememberedService } from "@holdfast/orchestrator-local";
import * as z from "zod";
import { ownCommand } from "../dev/self.js";
import { MachineAgent } from "./machine-agent.js";

export interface LocalWiring {
  readonly orchestrator: Orchestrator;
  /** Places runs; only in the controller that leads. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

export interface LocalOptions {
  /** On a local disk: tasks, service files, and what the orchestrator remembers. */
  readonly directory: string;
  readonly agent: string;
  /** URL of the store, for the runs. */
  readonly store: string;
  readonly pluginDirs: readonly string[];
  readonly logger: Logger;
}

const rememberedSchema = z.object({
  v: z.literal(1),
  services: z.array(z.object({ definition: z.record(z.string(), z.json()), suspended: z.boolean() })),
});
/** Service files that were compiled and not applied, as for a plan. */
const UNWRITTEN_MAX = 1_000;

/** The orchestrator of one machine: runs are processes here, and outlive the controller. */
export async function createLocalWiring(options: LocalOptions): Promise<LocalWiring> {
  const { directory, logger } = options;
  await mkdir(join(directory, "services"), { recursive: true, mode: 0o755 });
  const { bootId } = readMachineIdentity();
  const agent = new MachineAgent({ id: options.agent, directory, bootId, bind: "127.0.0.1", logger });
  const memory = join(directory, "orchestrator.json");
  const files = new Map<string, string>();
  const local = createLocalOrchestrator({
    ...{ agents: [agent], clock: systemClock, logger, wrapper: ownCommand(), store: options.store, detectMs: 5_000 },
    ...{ pluginDirs: options.pluginDirs, remembered: await recall(memory), pollMs: 250 },
    remember: (services) => replaceFile(memory, JSON.stringify({ v: 1, services })),
    serviceFile: (service) => serviceFile(directory, service, files),
  });
  return {
    run: (signal) => local.run(signal),
    orchestrator: {
      ...local,
      async apply(op, compiled) {
        const argv = z.array(z.string()).parse(compiled.definition.argv);
        // The run reads it where it starts, so it must be there before.
        for (const path of argv) {
          const text = files.get(path);
          if (text !== undefined) await replaceFile(path, text);
        }
        await local.apply(op, compiled);
      },
    },
  };
}

/** Named by what a run takes from it: another service is another file, and one that a run may still read is not changed. */
function serviceFile(directory: string, service: Service, files: Map<string, string>): string {
  const { engine, storage, exclusivity, restore, plugins } = service.spec;
  const taken = canonicalJson({ engine, storage, exclusivity, restore, plugins });
  const digest = createHash("sha256").update(taken).digest("hex").slice(0, 16);
  const path = join(directory, "services", `${service.metadata.name}-${digest}.json`);
  const oldest = files.keys().next().value;
  if (!files.has(path) && files.size >= UNWRITTEN_MAX && oldest !== undefined) files.delete(oldest);
  files.set(path, JSON.stringify(service));
  return path;
}

async function recall(path: string): Promise<readonly RememberedService[]> {
  try {
    const { services } = rememberedSchema.parse(JSON.parse(await readFile(path, "utf8")));
    return services.map(({ definition, suspended }) => ({ definition: parseDefinition(definition), suspended }));
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
    throw new HoldfastError("RECORD_INVALID", `${path} cannot be read: ${String(cause)}.`, {
      hint: "Nothing was changed. Without it, what runs here would be ended as unknown; restore the file.",
      cause,
    });
  }
}
