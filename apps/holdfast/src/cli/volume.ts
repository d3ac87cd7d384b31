import { HoldfastError } from "@holdfast/core";
import type { Command } from "commander";
import { initStorage } from "../init-storage.js";
import { initVolume } from "../volume-init.js";
import { printJson, printLines } from "./output.js";

interface InitFlags {
  readonly service?: string;
  readonly file?: string;
  readonly store?: string;
  readonly agent?: string;
  readonly pluginDir?: string;
  readonly storeAuthFile?: string;
  readonly leaseMs?: string;
  readonly format?: boolean;
  readonly adopt?: boolean;
  readonly role: string;
  readonly owner?: string;
  readonly json?: boolean;
}

export function registerVolume(program: Command): void {
  const volume = program.command("volume").description("mark volumes");
  volume
    .command("init [path]")
    .description(
      "mark a directory as a service's volume; with -f: fence, attach and mount it under the service's lease first. Refuses one that holds data, unless --adopt",
    )
    .option("--service <name>", "the service that it belongs to")
    .option("-f, --file <file>", "service file whose storage strategy brings the volume")
    .option("--store <url>", "with -f: the coordination store", process.env.HOLDFAST_STORE)
    .option("--store-auth-file <file>", "with -f: user:password for the store")
    .option("--agent <id>", "with -f: this machine")
    .option("--plugin-dir <dir>", "with -f: npm prefix of plugins")
    .option("--lease-ms <ms>", "with -f: another lease than the file's")
    .option("--format", "with -f: put an empty file system on a blank device")
    .option("--adopt", "the directory already holds this service's data, and keeps it at its root")
    .option("--role <role>", "what the service keeps there", "data")
    .option("--owner <user[:group]>", "owner of the data directory")
    .option("--json", "machine-readable output")
    .action(async (path: string | undefined, flags: InitFlags) => {
      if (flags.file !== undefined) {
        process.exitCode = await initStorage({ ...flags, file: flags.file, path: path ?? null });
        return;
      }
      if (path === undefined || flags.service === undefined) {
        throw new HoldfastError("USAGE", "A path and --service, or a service file, must be given.", {
          hint: "holdfast volume init PATH --service NAME, or holdfast volume init -f FILE --store URL",
        });
      }
      const result = await initVolume(path, {
        service: flags.service,
        adopt: flags.adopt === true,
        role: flags.role,
        owner: flags.owner ?? null,
      });
      if (flags.json === true) printJson(result);
      else
        printLines([
          `${result.created ? "Marked" : "Already marked"}: ${path} is the ${result.mark.role} volume of ${result.mark.service} (${result.mark.volumeId}); data in ${result.dataDir}.`,
        ]);
    });
}
