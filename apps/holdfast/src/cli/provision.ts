import { HoldfastError } from "@holdfast/core";
import type { Command } from "commander";
import { printJson, printLines } from "./output.js";
import { loadService, PLUGIN_DIR_HELP, pluginDirs, terminalLogger, withOp } from "./service-session.js";
import { withLimit } from "./store-options.js";

const LIMIT_MS = 300_000;

interface ProvisionFlags {
  readonly file: string;
  readonly pluginDir: readonly string[];
  readonly json?: boolean;
}

/** `holdfast volume provision`: makes what the volumes of a service lie on, where the strategy can. Idempotent. */
export function registerProvision(volume: Command): void {
  volume
    .command("provision")
    .description(
      "make what the service's volumes lie on, where the strategy does that (mesos-volume with through: mesos)",
    )
    .requiredOption("-f, --file <file>", "service file")
    .option("--plugin-dir <dir>", PLUGIN_DIR_HELP, pluginDirs, [])
    .option("--json", "machine-readable output")
    .action(async (flags: ProvisionFlags) => {
      const { file, volumes } = await loadService(flags);
      const { name } = file.service.metadata;
      const able = volumes.filter(({ strategy, volume: of }) => strategy.capabilities(of).provisions);
      if (able.length === 0) {
        const types = [...new Set(volumes.map(({ strategy }) => strategy.type))].join(", ");
        throw new HoldfastError("UNSUPPORTED", `${types} makes nothing for ${name}: its volumes are made elsewhere.`, {
          hint: "See the strategy's README for who makes them.",
        });
      }
      const provisioned: string[] = [];
      await withLimit(LIMIT_MS, (signal) =>
        withOp(signal, terminalLogger, async (op) => {
          for (const { strategy, volume: of } of able) {
            await strategy.provision?.(op, of);
            provisioned.push(of.role);
            if (flags.json !== true) printLines([`The ${of.role} volume of ${name} is there (${strategy.type}).`]);
          }
        }),
      );
      if (flags.json === true) printJson({ service: name, provisioned });
    });
}
