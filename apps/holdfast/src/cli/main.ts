import { Command } from "commander";
import { registerDev } from "../dev/command.js";
import { registerClaim } from "./claim.js";
import { registerConformance } from "./conformance.js";
import { registerControlled } from "./controlled.js";
import { registerCreateStrategy } from "./create-strategy.js";
import { registerDoctor } from "./doctor.js";
import { registerFailover } from "./failover.js";
import { registerHealth } from "./health.js";
import { registerLock } from "./lock.js";
import { registerPlan } from "./plan.js";
import { runProgram } from "./run-program.js";
import { registerVolume } from "./volume.js";

declare const HOLDFAST_VERSION: string;

/** Everything but `run`. @param argv - The arguments after the program's own name. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command("holdfast")
    .description("Runs stateful services without ever letting two writers touch the same data.")
    .version(HOLDFAST_VERSION)
    .option("--json", "machine-readable output")
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  // Listed here and handled before this file is even loaded: the guard's start must not wait for it.
  program
    .command("run", "run a command under the service's lease (holdfast run --help)", { hidden: false })
    .command("controller", "run the controller (holdfast controller --help)", { hidden: false })
    .helpCommand(true);
  const commands = [
    registerPlan,
    registerFailover,
    registerControlled,
    registerVolume,
    registerLock,
    registerClaim,
    registerHealth,
    registerDoctor,
    registerConformance,
    registerCreateStrategy,
    registerDev,
  ];
  for (const register of commands) register(program);
  await runProgram(program, argv);
}
