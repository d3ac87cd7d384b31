import { HoldfastError } from "@holdfast/core";
import type { Command } from "commander";
import { initStorage } from "../init-storage.js";
import { initVolume } from "../volume-init.js";
import { printJson, printLines } from "./output.js";
import { registerProvision } from "./provision.js";
import { registerReservations } from "./reservations.js";
import { PLUGIN_DIR_HELP, pluginDirs } from "./service-session.js";
import { type StoreAccessFlags, withStoreAccessFlags } from "./store-options.js";

interface InitFlags extends StoreAccessFlags {
  readonly service?: string;
  readonly file?: string;
  readonly agent?: string;
  readonly pluginDir: readonly string[];
  readonly leaseMs?: string;
  readonly format?: boolean;
  readonly firstRun?: boolean;
  readonly adopt?: boolean;
  readonly role?: string;
  readonly owner?: string;
  readonly json?: boolean;
}

export function registerVolume(program: Command): void {
  const volume = program.command("volume").description("make and mark volumes, and look after reservations");
  registerProvision(volume);
  registerReservations(volume);
  withStoreAccessFlags(volume.command("init [path]"))
    .description(
      "mark a directory as a service's volume; with -f: fence, attach and mount it under the service's lease first. Refuses one that holds data, unless --adopt",
    )
    .option("--service <name>", "the service that it belongs to")
    .option("-f, --file <file>", "service file whose storage strategy brings the volume; needs --store")
    .option("--agent <id>", "with -f: this machine")
    .option("--plugin-dir <dir>", PLUGIN_DIR_HELP, pluginDirs, [])
    .option("--lease-ms <ms>", "with -f: another lease than the file's")
    .option("--format", "with -f: put an empty file system on a blank device")
    .option(
      "--first-run",
      "with -f: the service never ran anywhere; do not wait a lease on a record that has to be created",
    )
    .option("--adopt", "the directory already holds this service's data, and keeps it at its root")
    .option("--role <role>", "what the service keeps there (default: data; with -f, the role of the only volume)")
    .option("--owner <user[:group]>", "owner of the data directory")
    .action(async (path: string | undefined, flags: InitFlags) => {
      if (flags.file !== undefined) {
        if (path !== undefined || flags.service !== undefined)
          throw usage("With -f neither a path nor --service is given: the file says them.");
        process.exitCode = await initStorage({ ...flags, file: flags.file, role: flags.role ?? null });
        return;
      }
      if (path === undefined || flags.service === undefined)
        throw usage("A path and --service, or a service file, must be given.");
      if (flags.firstRun === true) throw usage("--first-run needs -f: a directory is marked under no lease.");
      if (flags.format === true) throw usage("--format needs -f: only a storage strategy knows the device.");
      const result = await initVolume(path, {
        service: flags.service,
        adopt: flags.adopt === true,
        role: flags.role ?? "data",
        owner: flags.owner ?? null,
      });
      if (flags.json === true) printJson(result);
      else
        printLines([
          `${result.created ? "Marked" : "Already marked"}: ${path} is the ${result.mark.role} volume of ${result.mark.service} (${result.mark.volumeId}); data in ${result.dataDir}.`,
        ]);
    });
}

function usage(message: string): HoldfastError {
  return new HoldfastError("USAGE", message, {
    hint: "holdfast volume init PATH --service NAME, or holdfast volume init -f FILE --store URL",
  });
}
