import { spawn } from "node:child_process";
import { constants } from "node:os";
import { HoldfastError, signalExitCode } from "@holdfast/core";
import { programCommand } from "./embedded.js";
import { readServiceFile } from "./service-file/read.js";

export interface InitStorageOptions {
  readonly file: string;
  readonly path: string | null;
  readonly store?: string;
  readonly storeAuthFile?: string;
  readonly agent?: string;
  readonly pluginDir?: string;
  readonly leaseMs?: string;
  readonly format?: boolean;
  readonly adopt?: boolean;
  readonly role: string;
  readonly owner?: string;
  readonly json?: boolean;
}

/**
 * Marks a volume that only its strategy can reach: as a run of its own, under the service's lease and with everything a
 * run does before its application starts, whose command is `volume init` on the mounted path.
 * @returns the run's exit code.
 */
export async function initStorage(options: InitStorageOptions): Promise<number> {
  const { service } = await readServiceFile(options.file);
  const entry = service.spec.storage.find(({ role }) => role === options.role) ?? service.spec.storage[0];
  const path = options.path ?? entry?.mountPath;
  if (options.store === undefined || path === undefined) {
    throw new HoldfastError("USAGE", "With -f the store must be given.", {
      hint: "Add --store URL; see `holdfast run --help`.",
    });
  }
  const run = ["run", "-f", options.file, "--store", options.store, "--initialise"];
  if (options.format === true) run.push("--format");
  const passed = { agent: options.agent, "plugin-dir": options.pluginDir, "store-auth-file": options.storeAuthFile };
  for (const [flag, value] of Object.entries({ ...passed, "lease-ms": options.leaseMs })) {
    if (value !== undefined) run.push(`--${flag}`, value);
  }
  const mark = ["volume", "init", path, "--service", service.metadata.name, "--role", entry?.role ?? options.role];
  if (options.adopt === true) mark.push("--adopt");
  if (options.owner !== undefined) mark.push("--owner", options.owner);
  if (options.json === true) mark.push("--json");
  const own = programCommand(mark);
  const { file, args } = programCommand([...run, "--first-run", "--", own.file, ...own.args]);
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? signalExitCode(constants.signals[signal ?? "SIGKILL"])));
  });
}
