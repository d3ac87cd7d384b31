import type { Command } from "commander";
import { initVolume } from "../volume-init.js";
import { printJson, printLines } from "./output.js";

interface InitFlags {
  readonly service: string;
  readonly adopt?: boolean;
  readonly role: string;
  readonly owner?: string;
  readonly json?: boolean;
}

export function registerVolume(program: Command): void {
  const volume = program.command("volume").description("mark volumes");
  volume
    .command("init <path>")
    .description("mark a directory as a service's volume; refuses one that holds data, unless --adopt")
    .requiredOption("--service <name>", "the service that it belongs to")
    .option("--adopt", "the directory already holds this service's data, and keeps it at its root")
    .option("--role <role>", "what the service keeps there", "data")
    .option("--owner <user[:group]>", "owner of the data directory")
    .option("--json", "machine-readable output")
    .action(async (path: string, flags: InitFlags) => {
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
