import { spawn } from "node:child_process";
import { constants } from "node:os";
import { HoldfastError, type Service, signalExitCode } from "@holdfast/core";
import type { StoreAccessFlags } from "./cli/store-options.js";
import { programCommand } from "./embedded.js";
import { readServiceFile } from "./service-file/read.js";

export interface InitStorageOptions extends StoreAccessFlags {
  readonly file: string;
  readonly agent?: string;
  readonly pluginDir: readonly string[];
  readonly leaseMs?: string;
  readonly format?: boolean;
  readonly adopt?: boolean;
  /** Null = that of the only volume, or `data` of several. */
  readonly role: string | null;
  readonly owner?: string;
  /** The service never ran: no lease is waited on a record that had to be created. */
  readonly firstRun?: boolean;
  readonly json?: boolean;
}

/**
 * Marks a volume that only its strategy can reach: as a run of its own, under the service's lease and with everything a
 * run does before its application starts, whose command is `volume init` on the mounted path.
 * @returns the run's exit code.
 */
export async function initStorage(options: InitStorageOptions): Promise<number> {
  const { service } = await readServiceFile(options.file);
  const { role, mountPath } = volumeToMark(service, options.role);
  const store = options.store ?? process.env.HOLDFAST_STORE;
  if (store === undefined) {
    throw new HoldfastError("USAGE", "With -f the store must be given.", {
      hint: "Add --store URL; see `holdfast run --help`.",
    });
  }
  const mark = ["volume", "init", mountPath, "--service", service.metadata.name, "--role", role];
  if (options.adopt === true) mark.push("--adopt");
  if (options.owner !== undefined) mark.push("--owner", options.owner);
  if (options.json === true) mark.push("--json");
  const own = programCommand(mark);
  const { file, args } = programCommand([...runArguments(options, store), "--", own.file, ...own.args]);
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? signalExitCode(constants.signals[signal ?? "SIGKILL"])));
  });
}

/**
 * Pure. Unless told otherwise it waits as any run does: of a service without a record it cannot be known that nobody
 * lives, as the store may be a new one under an old holder.
 */
export function runArguments(options: InitStorageOptions, store: string): readonly string[] {
  const run = ["run", "-f", options.file, "--store", store, "--initialise"];
  run.push(options.firstRun === true ? "--first-run" : "--wait");
  if (options.format === true) run.push("--format");
  for (const [flag, value] of Object.entries(passedOn(options))) {
    if (value !== undefined) run.push(`--${flag}`, value);
  }
  return run;
}

/** Pure. @throws `USAGE` for a role that the file does not have. */
function volumeToMark({ spec: { storage } }: Service, role: string | null): { role: string; mountPath: string } {
  const found =
    storage.length === 1 && role === null ? storage[0] : storage.find((one) => one.role === (role ?? "data"));
  if (found !== undefined) return found;
  throw new HoldfastError("USAGE", `The service file has no volume of the role ${role ?? "data"}.`, {
    hint: `Give --role; the file has ${storage.map((one) => one.role).join(", ")}.`,
  });
}

/** What the run is given as it was given here. Pure. */
function passedOn(options: InitStorageOptions): Readonly<Record<string, string | undefined>> {
  return {
    agent: options.agent,
    "lease-ms": options.leaseMs,
    "plugin-dir": options.pluginDir.length === 0 ? undefined : options.pluginDir.join(":"),
    "store-auth-file": options.storeAuthFile,
    "store-ca": options.storeCa,
    "store-cert": options.storeCert,
    "store-key": options.storeKey,
    "store-server-name": options.storeServerName,
  };
}
